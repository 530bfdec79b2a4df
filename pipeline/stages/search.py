"""The search stage: grains in, rankings out, over the whole gallery or a few of its rows.

A family of scores that folds asks a searcher for the best rows; any other is computed for every row.
Either way a family's parts over the rows that are shown are the shares of their scores. Grains of
regions change the order of a pool of the best, see ``closer``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ...indexes.videos import one_each
from ..config.parts import Fusion, RegionScore
from ..config.recipe import Recipe
from ..errors import ConfigError
from ..records.trace import NOT_RANKED, Grain, Hit, Ranking, Scope, Trace
from ..scoring import FAMILIES, folds, parts
from ..scoring.contract import Candidates
from .closer import Looked, boxes_of, look, region_grains
from .contract import Need
from .feedback import rows_disliked
from .reference import rows_showing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...indexes.contract import Box, Gallery, Searcher
    from ...indexes.items import Item
    from ..scoring.linear import Fold

_log = logging.getLogger(__name__)
Rankings = tuple[Ranking, Ranking]
Ranked = tuple["NDArray[Any]", "NDArray[Any]"]  # rows, best first, and their scores


@dataclass(frozen=True)
class Search:
    """The ``k`` best of a gallery for every trace; rows that are ``barred`` are never among them."""

    recipe: Recipe
    index: Gallery
    k: int
    searcher: Searcher
    barred: NDArray[Any] | None = None
    name = "search"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with rankings."""
        places = [n for n, trace in enumerate(traces) if trace.ranking is NOT_RANKED]
        found = list(traces)
        if places:
            asked = [traces[n] for n in places]
            scopes = [self._scope(trace) for trace in asked]
            grains = [trace.grains for trace in asked]
            recipe = self.recipe
            ranked = search(
                self.index, grains, recipe.fusion, self.k, scopes, self.searcher, recipe.regions
            )
            for n, (ranking, subset) in zip(places, ranked, strict=True):
                found[n] = replace(traces[n], ranking=ranking, subset=subset)
        return found

    def needs(self) -> Sequence[Need]:
        """None."""
        return ()

    def _scope(self, trace: Trace) -> Scope:
        """The trace's own scope, or that of the recipe's rule about the reference."""
        import numpy as np

        from ...indexes.exact import sorted_rows

        scope, reference = trace.scope, trace.query.reference
        if scope is None and reference is not None and self.recipe.exclude_reference:
            scope = Scope(rows_showing(reference, self.index))
        scope = scope or Scope()
        for rows in (self.barred, rows_disliked(trace.query, self.index)):
            if rows is not None and len(rows):
                scope = replace(scope, exclude=np.union1d(rows, sorted_rows(scope.exclude)))
        return scope


def search(
    gallery: Gallery,
    queries: Sequence[Sequence[Grain]],
    fusion: Fusion,
    k: int,
    scopes: Sequence[Scope],
    searcher: Searcher,
    regions: RegionScore | None = None,
) -> list[Rankings]:
    """(the ``k`` best of the gallery, the whole subset) per query, in order, with all shares."""
    asked = [Candidates(grains, gallery, fusion.calibration) for grains in queries]
    if not asked:
        return []
    closer = regions or RegionScore()
    deep = max(k, closer.pool) if any(map(region_grains, queries)) else k
    wide = deep * max(1, gallery.videos)  # in which frames of `deep` videos are, whatever ranks how
    scored = (
        _by_searching(asked, fusion, wide, scopes, searcher)
        if FAMILIES[fusion.family].folds
        else (_by_looking(*one, fusion, wide, searcher) for one in zip(asked, scopes, strict=True))
    )
    once = (one._replace(best=_one_each(gallery, one.best, deep)) for one in scored)
    looked = (_closer(one, s, closer, fusion, k) for one, s in zip(asked, once, strict=True))
    return [_rankings(gallery, one) for one in looked]


class _Scored(NamedTuple):
    """One query: the best rows, its subset, and what the scores of any rows are the sum of."""

    best: Ranked
    subset: Ranked
    parts: Callable[[NDArray[Any]], Mapping[str, NDArray[Any]]]
    looked: Looked | None = None


def _by_searching(
    asked: Sequence[Candidates], fusion: Fusion, k: int, scopes: Sequence[Scope], searcher: Searcher
) -> Iterator[_Scored]:
    """Inner products with the fold of every side; a side that a query says nothing of adds 0."""
    import numpy as np

    from ...indexes.contract import Asked
    from ...indexes.exact import best_of, scores_of, sorted_rows

    folded = [folds(fusion.family, one) for one in asked]
    sides = []
    for name in dict.fromkeys(name for one in folded for name in one):
        side = asked[0].side(name)
        nothing = np.zeros(side.dimension, np.float32)
        vectors = [one[name].vector if name in one else nothing for one in folded]
        sides.append(Asked(side, np.stack(vectors)))
    k = min(k, asked[0].gallery.count)
    found = searcher.search(sides, k, [scope.exclude for scope in scopes])
    for n, (one, scope) in enumerate(zip(asked, scopes, strict=True)):
        bias = sum(fold.bias for fold in folded[n].values())
        there = found.rows[n] >= 0
        inside = sorted_rows(set(scope.subset))
        rows, scores = best_of(inside, scores_of(sides, n, inside), len(inside))
        yield _Scored(
            (found.rows[n][there], found.scores[n][there].astype(np.float64) + bias),
            (rows, scores.astype(np.float64) + bias),
            partial(_parts_of, one, folded[n]),
        )


def _one_each(gallery: Gallery, ranked: Ranked, k: int) -> Ranked:
    """The ``k`` best pictures and videos, a video by the best of its frames."""
    rows, scores = ranked
    if gallery.videos < 2:
        return ranked
    places = one_each([item.path for item in gallery.items(rows.tolist())])[:k]
    return rows[places], scores[places]


def _parts_of(asked: Candidates, folded: Mapping[str, Fold], rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What every grain adds to the scores of these rows."""
    return {
        name: values
        for side, fold in folded.items()
        for name, values in fold.parts(asked.side(side).take(rows)).items()
    }


def _closer(asked: Candidates, scored: _Scored, score: RegionScore, fusion: Fusion, k: int) -> _Scored:
    """The ``k`` best, after the region grains have been held against the parts of all that is scored."""
    from ...indexes.exact import best_of

    (pool, best), (inside, values) = scored.best, scored.subset
    grains = region_grains(asked.grains)
    if not grains:
        return scored._replace(best=(pool[:k], best[:k]))
    looked = look(asked.gallery, grains, score, fusion, pool, inside)
    kept = 0.0 if score.alone else 1.0
    best, values = kept * best + looked.total(pool), kept * values + looked.total(inside)

    def parts(rows: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        return {**({} if score.alone else scored.parts(rows)), **looked.parts_of(rows)}

    return _Scored(best_of(pool, best, k), best_of(inside, values, len(inside)), parts, looked)


def _by_looking(asked: Candidates, scope: Scope, fusion: Fusion, k: int, searcher: Searcher) -> _Scored:
    """The score of every row; a query that has nothing that the family works on is folded.

    Raises ConfigError where the family's numbers make scores that are not finite.
    """
    import numpy as np

    from ...indexes.exact import best_of, sorted_rows

    if getattr(asked.gallery, "compressed", None) is not None:
        _tell_every_row(fusion.family)
    with np.errstate(all="ignore"):  # what comes of it is looked at below
        whole = parts(fusion.family, asked, fusion.numbers)
    if not whole:  # as a query without a sentence has
        return next(_by_searching([replace(asked, calibration="none")], Fusion(), k, [scope], searcher))
    total: NDArray[Any] = sum(whole.values())
    if not np.isfinite(total).all():
        numbers = ", ".join(f"{name} {value:g}" for name, value in fusion.numbers.items())
        raise ConfigError(
            f"the family {fusion.family} gives scores that are not finite",
            f"change its numbers ({numbers or 'the defaults'}) or the weights",
        )
    free = np.delete(np.arange(len(total)), sorted_rows(scope.exclude))
    inside = sorted_rows(set(scope.subset))
    return _Scored(
        best_of(free, total[free], k),
        best_of(inside, total[inside], len(inside)),
        lambda rows: {name: values[rows] for name, values in whole.items()},
    )


@lru_cache
def _tell_every_row(family: str) -> None:
    """Say once why a compressed form is of no use."""
    _log.warning(
        "scores of the family %s are no sums of products: every row is looked at, not the compressed form",
        family,
    )


def _rankings(gallery: Gallery, scored: _Scored) -> Rankings:
    best, subset = (_ranking(gallery, scored, *ranked) for ranked in (scored.best, scored.subset))
    return best, subset


def _ranking(gallery: Gallery, scored: _Scored, rows: NDArray[Any], scores: NDArray[Any]) -> Ranking:
    if not len(rows):
        return Ranking(())
    items, parts = gallery.items(rows.tolist()), scored.parts(rows)
    columns = zip(*(values.tolist() for values in parts.values()), strict=True)
    shares = [dict(zip(parts, values, strict=True)) for values in columns]
    places = zip(items, rows.tolist(), scores.tolist(), shares, strict=True)
    return Ranking(
        tuple(
            Hit(rank, row, item.id, item.path, score, share, boxes=_boxes(gallery, scored.looked, item))
            for rank, (item, row, score, share) in enumerate(places, 1)
        )
    )


def _boxes(gallery: Gallery, looked: Looked | None, item: Item) -> dict[str, Box]:
    """Where each region grain was met; nothing for what met the whole picture."""
    return {} if looked is None else boxes_of(gallery, looked.places_of(item.row), item.path)
