"""The search stage: fused queries in, rankings out, over the whole gallery or a few of its rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.records import FusedQuery, Hit, Ranking
from pipeline.scoring import linear

if TYPE_CHECKING:
    from indexes.store import Index


@dataclass(frozen=True)
class Scope:
    """What one query is ranked over: the gallery without ``exclude``, and ``subset`` by itself."""

    exclude: Collection[int] = ()
    subset: Sequence[int] = ()


def search(
    index: Index, fused: Sequence[FusedQuery], k: int, scopes: Sequence[Scope]
) -> list[tuple[Ranking, Ranking]]:
    """(the ``k`` best of the gallery, the whole subset) per query, in order, with all shares."""
    import numpy as np

    from indexes import exact

    questions = np.stack([query.vector for query in fused])
    exclude = [scope.exclude for scope in scopes]
    rows, scores = exact.search(index, questions, min(k, index.count), exclude=exclude)
    rankings = []
    for query, scope, found, values in zip(fused, scopes, rows, scores, strict=True):
        best = [(int(r), float(s)) for r, s in zip(found, values, strict=True) if r >= 0]
        inside = [(row, float(query.vector @ index.vector(row))) for row in scope.subset]
        inside.sort(key=lambda pair: (-pair[1], pair[0]))
        rankings.append((_ranking(index, query, best), _ranking(index, query, inside)))
    return rankings


def _ranking(index: Index, query: FusedQuery, best: Sequence[tuple[int, float]]) -> Ranking:
    hits = []
    items = index.items([row for row, _ in best])
    for rank, ((row, score), item) in enumerate(zip(best, items, strict=True), 1):
        shares = linear.shares(query, index.vector(row))
        hits.append(Hit(rank, row, item.id, item.path, score + query.bias, shares))
    return Ranking(tuple(hits))
