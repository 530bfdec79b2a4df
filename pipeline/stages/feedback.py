"""More like these, less like those: hits that a person liked or not become signed grains.

Rocchio (1971): q' = q + β/|R| · Σ r − γ/|S| · Σ s, over the unit vectors r of what was liked and s of what
was not. β and γ are the weights of the roles "liked" and "disliked" in a recipe's [grains], else the usual
ones here; what was not liked is no hit again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..config.recipe import Recipe
from ..records.trace import Grain, Query
from ..scoring.contract import unit

if TYPE_CHECKING:
    from ...indexes.contract import Gallery

USUAL = {"liked": 0.5, "disliked": -0.25}


class Marked(NamedTuple):
    """The grains of what was liked and what was not, and what is to be said of them."""

    grains: tuple[Grain, ...] = ()
    warnings: tuple[str, ...] = ()


def feedback(query: Query, recipe: Recipe, gallery: Gallery) -> Marked:
    """A grain per item that was liked or not; those of a role share its weight."""
    grains, lost = [], []
    for role, marked in (("liked", query.liked), ("disliked", query.disliked)):
        weight = recipe.grains.get(role, USUAL[role])
        rows = {ident: gallery.row_of(ident) for ident in dict.fromkeys(marked)}
        lost += [ident for ident, row in rows.items() if row is None]
        there = {ident: row for ident, row in rows.items() if row is not None}
        if weight and there:
            vectors = gallery.take(list(there.values()))
            grains += [
                Grain(f"{role}:{ident}", role, weight / len(there), unit(vector))
                for ident, vector in zip(there, vectors, strict=True)
            ]
    return Marked(tuple(grains), tuple(f"the gallery has no {ident}, which was marked" for ident in lost))


def rows_disliked(query: Query, gallery: Gallery) -> Sequence[int]:
    """The rows of what was not liked."""
    return sorted(_rows(query.disliked, gallery))


def _rows(idents: Sequence[str], gallery: Gallery) -> Iterator[int]:
    for ident in idents:
        row = gallery.row_of(ident)
        if row is not None:
            yield row
