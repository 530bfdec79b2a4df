"""The files that a plan left open, read and prepared in threads, encoded in batches."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .batches import Batches
from .decode import MAX_PIXELS
from .mappers import make_mapper
from .reading import Reader

if TYPE_CHECKING:
    from .contract import ImageEncoder
    from .plan import Plan


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
    mapper: str = "threads"


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
    settled = total - len(plan.todo)
    batch_size = settings.batch_size
    reader = Reader(encoder, plan.known, settings.pixels_limit)
    batches = Batches(encoder, plan, batch_size, parts)
    workers = settings.threads or min(16, os.cpu_count() or 1)
    if on_progress:
        on_progress(settled, total)
    mapper = make_mapper(settings.mapper)
    for outcome in mapper(plan.todo, lambda: reader.read, workers, batch_size + 2 * workers):
        settled += 1
        if batches.take(outcome) and on_progress:
            on_progress(settled, total)
    batches.flush()
    if on_progress and plan.todo:
        on_progress(total, total)
    return batches
