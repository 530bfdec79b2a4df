"""`cache import FILE --as captions|rewrites`: what others published, as answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ...indexes.errors import Problem
from ..errors import ConfigError, InputError
from .output import progress, say

if TYPE_CHECKING:
    from ..benchmarks.records import Benchmark
    from ..records.trace import Query
    from ..stages.composer import Composer

_TOLD = 10  # of what was refused is shown one by one


def tell_refused(refused: Sequence[Problem], kind: str = "") -> None:
    """Say (what, why) of what was not taken over, the first ones of many of a kind."""
    for what, why in refused[:_TOLD]:
        say(f"{what} was not taken: {why}")
    if len(refused) > _TOLD:
        say(f"and {len(refused) - _TOLD} more{kind}")


class Published(StrEnum):
    """What a file of others holds."""

    captions = "captions"
    rewrites = "rewrites"


def import_published(
    file: Path,
    what: Published,
    composer: Composer,
    *,
    folder: Path | None,
    queries: Path | None,
    benchmark: Callable[[], Benchmark] | None,
) -> int:
    """Take the texts over; how many names fit nothing.

    They are of the pictures in ``folder``, of ``queries`` in a file, or of a ``benchmark``'s. Raises
    ConfigError and InputError.
    """
    from ..batch.published import take_captions, take_rewrites
    from ..benchmarks.captions import REWRITES, read_captions
    from ..records.queries import read_queries

    whose = folder if what is Published.captions else queries
    if (whose is None) == (benchmark is None):
        option = "--in FOLDER" if what is Published.captions else "--queries FILE"
        raise ConfigError(f"whose {what}?", f"{option}, or --benchmark NAME --data DIR")
    if what is Published.captions:
        texts = read_captions(file)
        pictures = _pictures_of(benchmark()) if benchmark else _pictures_in(whose or Path())
        with progress("captions") as on_progress:
            done = take_captions(texts, pictures, composer, file.name, on_progress)
    else:
        texts = read_captions(file, REWRITES)
        asked = _queries_of(benchmark()) if benchmark else read_queries(whose or Path())
        with progress("rewrites") as on_progress:
            done = take_rewrites(texts, asked, composer, file.name, on_progress)
    if not done.new and not done.known:
        raise InputError(f"no name in {file} fits", f"its first one is {next(iter(texts))!r}")
    say(f"{done.new} new answers, {done.known} were here already")
    tell_refused(done.unmatched)
    return len(done.unmatched)


def _pictures_in(folder: Path) -> dict[str, Path]:
    """Every picture of a folder by its id."""
    from ...indexes.scan import scan

    if not folder.is_dir():
        raise InputError(f"no folder {folder}", "check --in")
    return {found.id: Path(found.path) for found in scan([folder]).files}


def _pictures_of(benchmark: Benchmark) -> dict[str, Path]:
    if any(item.box for item in benchmark.items):
        raise ConfigError(f"{benchmark.name} shows parts of pictures", "captions are of whole ones")
    return {item.id: item.path for item in benchmark.items}


def _queries_of(benchmark: Benchmark) -> list[Query]:
    from ..records.trace import Query

    pictures = {item.id: item.path for item in benchmark.items}
    return [Query(c.id, pictures.get(c.reference), c.modification) for c in benchmark.cases]
