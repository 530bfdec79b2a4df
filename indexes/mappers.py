"""Mappers by name: how the pictures of a gallery are read and made ready, many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from .scan import File

if TYPE_CHECKING:
    from .reading import Outcome

    # Outcomes of files in their order, by workers that are made where they work; so many at once,
    # and so many results ahead of who takes them.
    Worker = Callable[[File], Outcome]
    Mapper = Callable[[Iterable[File], Callable[[], Worker], int, int], Iterator[Outcome]]

MAPPERS: dict[str, str] = {"threads": "likebut.indexes.reading:in_threads"}


def make_mapper(name: str) -> Mapper:
    """The mapper of this name. ``KeyError`` where there is none."""
    module, _, attribute = MAPPERS[name].partition(":")
    mapper: Mapper = getattr(import_module(module), attribute)
    return mapper
