"""The search stage: grains in, rankings out, over the whole gallery or a few of its rows.

A linear score folds into one vector per side of the gallery, pictures and captions, and is one
inner-product search over them; the other families are computed for every picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.config.recipe import Fusion, Recipe
from pipeline.errors import ConfigError
from pipeline.records.trace import NOT_RANKED, FusedQuery, Grain, Hit, Ranking, Scope, Trace
from pipeline.scoring import linear
from pipeline.stages.contract import Need
from pipeline.stages.reference import rows_showing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexes.store import Index

Found = tuple[Ranking, Ranking]


@dataclass(frozen=True)
class Search:
    """The ``k`` best of a gallery for every trace; rows that are ``barred`` are never among them."""

    recipe: Recipe
    index: Index
    k: int
    barred: NDArray[Any] | None = None
    name = "search"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with rankings."""
        places = [n for n, trace in enumerate(traces) if trace.ranking is NOT_RANKED]
        found = list(traces)
        if places:
            asked = [traces[n] for n in places]
            ranked = search(
                self.index, [trace.grains for trace in asked], self.recipe.fusion, self.k,
                [self._scope(trace) for trace in asked],
            )  # fmt: skip
            for n, (ranking, subset) in zip(places, ranked, strict=True):
                found[n] = replace(traces[n], ranking=ranking, subset=subset)
        return found

    def needs(self) -> Sequence[Need]:
        """None."""
        return ()

    def _scope(self, trace: Trace) -> Scope:
        """The trace's own scope, or that of the recipe's rule about the reference."""
        import numpy as np

        from indexes.exact import sorted_rows

        scope, reference = trace.scope, trace.query.reference
        if scope is None and reference is not None and self.recipe.exclude_reference:
            scope = Scope(rows_showing(reference, self.index))
        scope = scope or Scope()
        if self.barred is None:
            return scope
        return replace(scope, exclude=np.union1d(self.barred, sorted_rows(scope.exclude)))


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
    return _folded(_sides(index, queries, fusion), k, scopes)


@dataclass(frozen=True)
class _Side:
    """Pictures or captions, and what every query asks of them."""

    index: Index
    folds: Sequence[FusedQuery]

    def questions(self) -> NDArray[Any]:
        """(q, d): a vector per query."""
        import numpy as np

        return np.stack([fold.vector for fold in self.folds])


def _sides(index: Index, queries: Sequence[Sequence[Grain]], fusion: Fusion) -> tuple[_Side, ...]:
    """One side, or two where any query has grains that score captions."""
    parts = [linear.sides(grains) for grains in queries]
    if not any(captions for _, captions in parts):
        return (_Side(index, [_fold(index, grains, fusion) for grains in queries]),)
    if index.caption_side is None:
        raise ConfigError(f"the index in {index.folder} has no captions", "likebut index caption")
    if not all(queries):
        linear.fold(())  # says so
    both = (
        (index, [shown for shown, _ in parts]),
        (index.caption_side, [told for _, told in parts]),
    )
    return tuple(
        _Side(
            side,
            [_fold(side, g, fusion) if g else linear.no_fold(side.dimension) for g in grains],
        )
        for side, grains in both
    )


def _fold(index: Index, grains: Sequence[Grain], fusion: Fusion) -> FusedQuery:
    mu, sigma = (None, None) if fusion.calibration == "none" else (index.mu, index.sigma)
    return linear.fold(grains, fusion.calibration, mu, sigma)


def _folded(sides: Sequence[_Side], k: int, scopes: Sequence[Scope]) -> list[Found]:
    """One inner-product search; a row scores the sum of what it scores on every side."""
    from indexes import exact, paired

    index = sides[0].index
    exclude = [scope.exclude for scope in scopes]
    if len(sides) == 1:
        rows, scores = exact.search(
            index, sides[0].questions(), min(k, index.count), exclude=exclude
        )
    else:
        shown, told = ((side.index.vectors(), side.questions()) for side in sides)
        rows, scores = paired.search(shown, told, min(k, index.count), exclude=exclude)
    found = []
    for query, (scope, *best) in enumerate(zip(scopes, rows, scores, strict=True)):
        pairs = [(int(r), float(s)) for r, s in zip(*best, strict=True) if r >= 0]
        inside = [(row, _score(sides, query, row)) for row in scope.subset]
        found.append(
            (
                _ranking(index, _with_shares(sides, query, pairs)),
                _ranking(index, _with_shares(sides, query, _sorted(inside))),
            )
        )
    return found


def _score(sides: Sequence[_Side], query: int, row: int) -> float:
    return float(sum(side.folds[query].vector @ side.index.vector(row) for side in sides))


def _sorted(pairs: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def _with_shares(
    sides: Sequence[_Side], query: int, pairs: Sequence[tuple[int, float]]
) -> list[tuple[int, float, dict[str, float]]]:
    """(row, score, what every grain adds to it) of every pair of row and score."""
    import numpy as np

    if not pairs:
        return []
    bias = sum(side.folds[query].bias for side in sides)
    shares: list[dict[str, float]] = [{} for _ in pairs]
    for side in sides:
        vectors = np.stack([side.index.vector(row) for row, _ in pairs])
        for known, more in zip(shares, linear.shares(side.folds[query], vectors), strict=True):
            known |= more
    return [(row, score + bias, share) for (row, score), share in zip(pairs, shares, strict=True)]


def _over_everything(
    index: Index, grains: Sequence[Grain], fusion: Fusion, k: int, scope: Scope
) -> Found:
    """Exact scores of every picture by a family that does not fold.

    Raises ConfigError where its numbers make scores that are not finite.
    """
    import numpy as np

    from indexes.exact import sorted_rows
    from pipeline.scoring import whole

    with np.errstate(all="ignore"):  # what comes of it is looked at below
        parts = whole.parts(index, grains, fusion.family, fusion.numbers)
    if not parts:  # a query without a sentence has nothing for the family to work on
        return _folded([_Side(index, [linear.fold(grains)])], k, [scope])[0]
    total: NDArray[Any] = sum(parts.values())  # type: ignore[assignment]
    if not np.isfinite(total).all():
        numbers = ", ".join(f"{name} {value:g}" for name, value in fusion.numbers.items())
        raise ConfigError(
            f"the family {fusion.family} gives scores that are not finite",
            f"change its numbers ({numbers or 'the defaults'}) or the weights",
        )
    open_to_all = np.ones(len(total), bool)
    open_to_all[sorted_rows(scope.exclude)] = False
    best = _best(np.where(open_to_all, total, -np.inf), k)
    kept = [(row, float(total[row])) for row in best if open_to_all[row]]
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
