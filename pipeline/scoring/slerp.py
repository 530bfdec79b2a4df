"""G-MIXER (CVPR 2026): text and image mixed along the sphere at several shares, then filtered.

For every share s the query slerp(v(r), t(target), s) brings its best 100 pictures into a pool; a
picture's base is its largest cosine among the queries that brought it. S = base + cos(m) −
relu(base − cos(include)) + relu(base − cos(exclude)). The rest of the gallery follows in the order
of the target caption alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates

BEHIND = -10.0  # added to what is outside the pool: below any score inside it


def slerp(start: NDArray[Any], end: NDArray[Any], share: float) -> NDArray[Any]:
    """The unit vector at ``share`` of the way from ``start`` to ``end`` along the great circle."""
    import numpy as np

    angle = float(np.arccos(np.clip(start @ end, -1, 1)))
    if np.sin(angle) < 1e-6:
        return end
    mixed: NDArray[Any] = (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(
        angle
    )
    return mixed


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Parts: base, modification, include, exclude, outside. Numbers: from, step, pool."""
    import numpy as np

    target, image = asked.vector("target_caption"), asked.vector("reference")
    if target is None:
        return {}
    shares = np.arange(numbers["from"], 1 + numbers["step"] / 2, numbers["step"])
    mixed = [target] if image is None else [slerp(image, target, min(1.0, s)) for s in shares]
    cosines = asked.cosines(np.stack(mixed))
    base, inside = pool(cosines, int(numbers["pool"]))
    parts = {"base": np.where(inside, base, asked.cosine(target))}
    sentence, wanted, unwanted = (asked.vector(role) for role in ("modification", "include", "exclude"))
    if sentence is not None:
        parts["modification"] = np.where(inside, asked.cosine(sentence), 0)
    if wanted is not None:
        parts["include"] = -np.where(inside, np.maximum(base - asked.cosine(wanted), 0), 0)
    if unwanted is not None:
        parts["exclude"] = np.where(inside, np.maximum(base - asked.cosine(unwanted), 0), 0)
    parts["outside"] = np.where(inside, 0.0, BEHIND)
    return parts


def pool(cosines: NDArray[Any], places: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """(largest cosine among the queries that brought it, whether any did) per picture."""
    import numpy as np

    places = min(places, cosines.shape[1])
    best = np.argpartition(-cosines, places - 1, axis=1)[:, :places]
    base = np.full(cosines.shape[1], -np.inf)
    for row, columns in zip(cosines, best, strict=True):
        base[columns] = np.maximum(base[columns], row[columns])
    return base, np.isfinite(base)
