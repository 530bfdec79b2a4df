"""The files that a plan left open, read and prepared by a mapper, encoded in batches."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .batches import Batches
from .cluster import Elsewhere
from .decode import MAX_PIXELS
from .mappers import AUTO, choose, cores, make_mapper
from .reading import Work
from .remote import is_elsewhere

if TYPE_CHECKING:
    from .contract import ImageEncoder
    from .plan import Plan


AT_ONCE = 16


@dataclass(frozen=True)
class Settings:
    """How an index is built; see ``build.build``."""

    dtype: str = "float16"
    batch_size: int = 64
    threads: int | None = None
    pixels_limit: int = MAX_PIXELS
    rebuild: bool = False
    reread: bool = False
    donors: tuple[Path, ...] = ()
    mapper: str = AUTO
    elsewhere: Elsewhere | None = None
    videos: int | None = None  # frames of a video; None: as the index has it


def encode_todo(
    plan: Plan,
    encoder: ImageEncoder,
    settings: Settings,
    total: int,
    on_progress: Callable[[int, int], None] | None,
    parts: int = 1,
) -> Batches:
    """Settle every file of ``plan.todo``; gives what it took. ``total`` files are there, for progress.

    ``encoder`` gives rows of ``parts`` vectors. Every finished batch is in the journal.
    """
    batch_size = settings.batch_size
    if settings.elsewhere:
        from .afar import encode_afar

        limit = settings.pixels_limit
        return encode_afar(plan, encoder, settings.elsewhere, batch_size, limit, total, on_progress, parts)
    settled = total - len(plan.todo)
    work = Work(encoder, plan.known, settings.pixels_limit)
    batches = Batches(encoder, plan, batch_size, parts)
    far = bool(plan.todo and is_elsewhere(plan.todo[0].path))  # waits for a network rather than for a core
    workers = settings.threads or (AT_ONCE if far else min(AT_ONCE, cores()))
    if on_progress:
        on_progress(settled, total)
    name = choose(settings.mapper, work, len(plan.todo))
    batches.read_by = f"{workers} {name}" if plan.todo else ""
    mapper = make_mapper(name)
    with closing(mapper(plan.todo, work, workers, batch_size + 2 * workers)) as outcomes:
        for outcome in outcomes:
            settled += 1
            if batches.take(outcome) and on_progress:
                on_progress(settled, total)
        batches.flush()
    if on_progress and plan.todo:
        on_progress(total, total)
    return batches
