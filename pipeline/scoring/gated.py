"""AdaST (2026): a proxy picture, moved from the reference along the edit, behind a gate.

x = v(r), d = t(c') − t(c), y = t(c') − β·x. The step a* that turns x + a·d most towards y has a
closed form; p is the unit vector of x + a*·d. S = S' + λ·[S' − S + m ≥ 0]·S'·cos(p, g), with the
cosines S' of the target caption and S of the caption.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates


def step(x: NDArray[Any], d: NDArray[Any], y: NDArray[Any]) -> float:
    """a*: argmax over a of cos(x + a·d, y); 0 where it is not defined."""
    xx, xd, dd, xy, dy = (float(u @ v) for u, v in ((x, x), (x, d), (d, d), (x, y), (d, y)))
    below = dy * xd - xy * dd
    return (xy * xd - dy * xx) / below if abs(below) > 1e-9 else 0.0


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Parts: target_caption, proxy. Numbers: beta, strength (λ), margin (m)."""
    from .contract import unit

    target, caption, image = (asked.vector(r) for r in ("target_caption", "caption", "reference"))
    if target is None:
        return {}
    after = asked.cosine(target)
    if caption is None or image is None:
        return {"target_caption": after}
    direction = target - caption
    moved = image + step(image, direction, target - numbers["beta"] * image) * direction
    gate = after - asked.cosine(caption) + numbers["margin"] >= 0
    return {
        "target_caption": after,
        "proxy": numbers["strength"] * gate * after * asked.cosine(unit(moved)),
    }
