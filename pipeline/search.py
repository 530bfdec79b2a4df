"""The search stage: grains in, rankings out, over the whole gallery or a few of its rows.

A linear score folds into one vector and is one inner-product search; the other families are
computed for every picture.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.config import Fusion
from pipeline.records import FusedQuery, Grain, Hit, Ranking
from pipeline.scoring import linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexes.store import Index

Found = tuple[Ranking, Ranking]


@dataclass(frozen=True)
class Scope:
    """What one query is ranked over: the gallery without ``exclude``, and ``subset`` by itself."""

    exclude: Collection[int] = ()
    subset: Sequence[int] = ()


def search(
    index: Index,
    queries: Sequence[Sequence[Grain]],
    fusion: Fusion,
    k: int,
    scopes: Sequence[Scope],
) -> list[Found]:
    """(the ``k`` best of the gallery, the whole subset) per query, in order, with all shares."""
    if fusion.family != "linear":
        return [
            _over_everything(index, grains, fusion, k, scope)
            for grains, scope in zip(queries, scopes, strict=True)
        ]
    mu, sigma = (None, None) if fusion.calibration == "none" else (index.mu, index.sigma)
    fused = [linear.fold(grains, fusion.calibration, mu, sigma) for grains in queries]
    return _folded(index, fused, k, scopes)


def _folded(
    index: Index, fused: Sequence[FusedQuery], k: int, scopes: Sequence[Scope]
) -> list[Found]:
    import numpy as np

    from indexes import exact

    questions = np.stack([query.vector for query in fused])
    exclude = [scope.exclude for scope in scopes]
    rows, scores = exact.search(index, questions, min(k, index.count), exclude=exclude)
    rankings = []
    for query, scope, found, values in zip(fused, scopes, rows, scores, strict=True):
        best = [(int(r), float(s)) for r, s in zip(found, values, strict=True) if r >= 0]
        inside = [(row, float(query.vector @ index.vector(row))) for row in scope.subset]
        rankings.append(
            (
                _ranking(index, [_hit(index, query, row, score) for row, score in best]),
                _ranking(index, [_hit(index, query, row, score) for row, score in _sorted(inside)]),
            )
        )
    return rankings


def _sorted(pairs: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def _hit(
    index: Index, query: FusedQuery, row: int, score: float
) -> tuple[int, float, dict[str, float]]:
    return row, score + query.bias, linear.shares(query, index.vector(row))


def _over_everything(
    index: Index, grains: Sequence[Grain], fusion: Fusion, k: int, scope: Scope
) -> Found:
    """Exact scores of every picture by a family that does not fold."""
    from pipeline.scoring import whole

    parts = whole.parts(index, grains, fusion.family, fusion.numbers)
    if not parts:  # a query without a sentence has nothing for the family to work on
        return _folded(index, [linear.fold(grains)], k, [scope])[0]
    total: NDArray[Any] = sum(parts.values())  # type: ignore[assignment]
    barred = set(scope.exclude)
    best = _best(total, k + len(barred))
    kept = [(row, float(total[row])) for row in best if row not in barred][:k]
    inside = _sorted([(row, float(total[row])) for row in scope.subset])
    return tuple(  # type: ignore[return-value]
        _ranking(index, [(row, score, _shares(parts, row)) for row, score in pairs])
        for pairs in (kept, inside)
    )


def _best(scores: NDArray[Any], k: int) -> list[int]:
    """The rows of the ``k`` largest scores, the lower row first among equals."""
    import numpy as np

    k = min(k, len(scores))
    if not k:
        return []
    bound = np.partition(scores, -k)[-k]
    candidates = np.flatnonzero(scores >= bound)
    order = np.lexsort((candidates, -scores[candidates]))
    return [int(row) for row in candidates[order][:k]]


def _shares(parts: Mapping[str, NDArray[Any]], row: int) -> dict[str, float]:
    return {name: float(values[row]) for name, values in parts.items()}


def _ranking(index: Index, found: Sequence[tuple[int, float, dict[str, float]]]) -> Ranking:
    items = index.items([row for row, _, _ in found])
    return Ranking(
        tuple(
            Hit(rank, row, item.id, item.path, score, shares)
            for rank, ((row, score, shares), item) in enumerate(zip(found, items, strict=True), 1)
        )
    )
