"""Near-duplicates among hits: folded under the best of them, so that a page shows different pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..records.trace import Hit, Ranking

if TYPE_CHECKING:
    from ...indexes.contract import Gallery

DEEPER = 5  # times as many hits are searched as are wanted


def fold(ranking: Ranking, index: Gallery, cosine: float) -> Ranking:
    """The ranking without hits whose vector has at least ``cosine`` with that of a better one.

    Those are named in the ``alike`` of the best hit that they are like; ranks stay.
    """
    import numpy as np

    leaders: list[Hit] = []
    vectors: list[Any] = []
    alike: dict[int, list[str]] = {}
    taken = index.take([hit.row for hit in ranking.hits])
    for hit, vector in zip(ranking.hits, taken, strict=True):
        vector = vector / (np.linalg.norm(vector) or 1.0)
        near = [n for n, other in enumerate(vectors) if other @ vector >= cosine]
        if near:
            alike.setdefault(leaders[near[0]].row, []).append(hit.path or hit.id)
            continue
        leaders.append(hit)
        vectors.append(vector)
    return Ranking(tuple(_with(hit, alike) for hit in leaders))


def _with(hit: Hit, alike: Mapping[int, Sequence[str]]) -> Hit:
    return replace(hit, alike=tuple(alike.get(hit.row, ())))
