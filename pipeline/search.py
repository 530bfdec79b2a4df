"""The search stage: grains in, rankings out, over the whole gallery or a few of its rows.

A linear score folds into one vector per side of the gallery, pictures and captions, and is one
inner-product search over them; the other families are computed for every picture.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.config import Fusion, Recipe
from pipeline.errors import ConfigError
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


def check_sides(index: Index, recipe: Recipe, profile: str) -> None:
    """Raises ConfigError where a recipe scores captions and the index has none beside its pictures.

    Raises IndexStale where the captions do not fit the pictures.
    """
    if not recipe.told or index.caption_side is not None:
        return
    if index.manifest.encoder.reads_captions:
        raise ConfigError(
            f"recipe {recipe.name} scores pictures and captions, and {index.folder} is captions alone",
            "choose a recipe without [caption_grains]",
        )
    from indexes.sides import caption_command

    count = recipe.describe.captions if recipe.describe else 1
    raise ConfigError(
        f"recipe {recipe.name} scores captions, and the index in {index.folder} has none",
        f"write them: {caption_command(index.folder)} --profile {profile} --captions {count}",
    )


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
    if any(linear.sides(grains)[1] for grains in queries):
        return _two_sided(index, queries, fusion, k, scopes)
    return _folded(index, _folds(index, queries, fusion), k, scopes)


def _folds(
    index: Index, queries: Sequence[Sequence[Grain]], fusion: Fusion, *, empty: bool = False
) -> list[FusedQuery]:
    """One vector per query, calibrated on ``index``; ``empty``: a query may have no grain here."""
    mu, sigma = (None, None) if fusion.calibration == "none" else (index.mu, index.sigma)
    return [
        linear.no_fold(index.dimension)
        if empty and not grains
        else linear.fold(grains, fusion.calibration, mu, sigma)
        for grains in queries
    ]


def _two_sided(
    index: Index,
    queries: Sequence[Sequence[Grain]],
    fusion: Fusion,
    k: int,
    scopes: Sequence[Scope],
) -> list[Found]:
    """As `_folded`, over pictures and captions: a row scores the sum of what it scores on each."""
    import numpy as np

    from indexes import paired

    side = index.caption_side
    if side is None:
        raise ConfigError(f"the index in {index.folder} has no captions", "likebut index caption")
    if not all(queries):
        linear.fold(())  # says so
    parts = [linear.sides(grains) for grains in queries]
    shown = _folds(index, [pictures for pictures, _ in parts], fusion, empty=True)
    told = _folds(side, [captions for _, captions in parts], fusion, empty=True)
    exclude = [scope.exclude for scope in scopes]
    rows, scores = paired.search(
        (index.vectors(), np.stack([query.vector for query in shown])),
        (side.vectors(), np.stack([query.vector for query in told])),
        min(k, index.count),
        exclude=exclude,
    )

    rankings = []
    for first, second, scope, found, values in zip(shown, told, scopes, rows, scores, strict=True):
        best = [(int(r), float(s)) for r, s in zip(found, values, strict=True) if r >= 0]
        inside = [
            (row, float(first.vector @ index.vector(row) + second.vector @ side.vector(row)))
            for row in scope.subset
        ]
        rankings.append(
            tuple(
                _ranking(index, [_summed(index, side, first, second, *pair) for pair in pairs])
                for pairs in (best, _sorted(inside))
            )
        )
    return rankings  # type: ignore[return-value]


def _summed(
    index: Index, side: Index, first: FusedQuery, second: FusedQuery, row: int, score: float
) -> tuple[int, float, dict[str, float]]:
    shares = linear.shares(first, index.vector(row)) | linear.shares(second, side.vector(row))
    return row, score + first.bias + second.bias, shares


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
