"""Mappers by name: how the pictures of a gallery are read and made ready, many at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from .errors import EXIT_USAGE, GalleryError
from .scan import File

if TYPE_CHECKING:
    from .reading import Outcome, Work

    # Outcomes of files in their order, by workers that are made where they work (see `reading.Work`); so
    # many at once, and so many results ahead of who takes them. It is closed where the rest is given up.
    Worker = Callable[[File], Outcome]
    Mapper = Callable[[Iterable[File], Callable[[], Worker], int, int], Generator[Outcome]]

MAPPERS: dict[str, str] = {
    "threads": "likebut.indexes.reading:in_threads",
    "processes": "likebut.indexes.processes:in_processes",
    "device": "likebut.indexes.on_device:on_device",
}
# What a mapper needs an encoder's ``preparing`` to have; where it is not there, threads do the work.
NEEDS = {"processes": "prepare", "device": "prepare_pixels"}
AUTO = "auto"
MANY, CORES = 2_000, 4  # files and cores from which starting processes pays


def choose(asked: str, work: Work, files: int) -> str:
    """The mapper for so many files: the one that was asked for, or by rule where that is "auto".

    Threads, but processes for many files on many cores, where threads of one interpreter wait for each
    other; not where each process would have to load much (``heavy``). Where another cannot do the
    ``work``, it is threads, whatever was asked.
    """
    if asked == AUTO:
        many = files >= MANY and cores() >= CORES
        asked = "processes" if many and not getattr(work.preparing, "heavy", False) else "threads"
    needed = NEEDS.get(asked)
    return asked if needed is None or hasattr(work.preparing, needed) else "threads"


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_mapper(name: str) -> None:
    """Raises ``GalleryError`` for a mapper that there is not."""
    if name not in (AUTO, *MAPPERS):
        raise GalleryError(f"no mapper {name!r}", "there are " + ", ".join((AUTO, *MAPPERS)), EXIT_USAGE)


def check_nobody_reads_here(name: str) -> None:
    """Raises ``GalleryError`` for a mapper where the workers of a cluster read."""
    if name != AUTO:
        raise GalleryError(
            "--mapper and --on do not go together: there the workers of Ray read",
            "leave out one of the two",
            EXIT_USAGE,
        )


def make_mapper(name: str) -> Mapper:
    """The mapper of this name. ``KeyError`` where there is none."""
    module, _, attribute = MAPPERS[name].partition(":")
    mapper: Mapper = getattr(import_module(module), attribute)
    return mapper
