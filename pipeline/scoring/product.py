"""SoFT's soft filter (AAAI-W 2026, arXiv 2512.20781): wanted content rewards, unwanted content costs.

S = (1 − l)·B + l·B·(R + 1 − P)/2 with the cosines B of the target caption, R of what to include and P
of what to exclude. Where a query names nothing to include, R is B; nothing to exclude, P is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Parts: target_caption, filter. Number: share (l)."""
    target = asked.vector("target_caption")
    if target is None:
        return {}
    base = asked.cosine(target)
    wanted, unwanted = asked.vector("include"), asked.vector("exclude")
    reward = base if wanted is None else asked.cosine(wanted)
    cost = 0.0 if unwanted is None else asked.cosine(unwanted)
    share = numbers["share"]
    return {"target_caption": (1 - share) * base, "filter": share * base * (reward + 1 - cost) / 2}
