"""Another encoder for a gallery without waiting for it: the old rows, mapped, stand in for the new ones.

Some of the pictures are encoded by the new encoder first. They say how the old rows turn into its
space, and how well: the mapped index is marked as such, and is replaced by the exact one that is
built after it, into which the encoded pictures go.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from .contract import EncoderId, ImageEncoder
from .encoding import Settings, encode_todo
from .errors import EXIT_USAGE, GalleryError
from .job import Job
from .manifest import Mapped
from .mapping import Bridge, agreement, learn
from .store import Index
from .writing import Content, write_index

if TYPE_CHECKING:
    from .plan import Plan

SAMPLE = 10_000  # pictures that are encoded by both
LEAST = 0.4  # agreement below which a mapped index would mislead
HELD_OUT, MOST_HELD_OUT = 5, 2000  # every so many-th picture is not learnt from, and so many at most


@dataclass(frozen=True)
class UpgradeReport:
    """``items`` mapped rows, learnt from ``pictures``, and their ``agreement``; see `mapping.agreement`."""

    items: int
    pictures: int
    agreement: float


def map_index(
    folder: Path,
    out: Path,
    encoder: ImageEncoder,
    *,
    sample: int = SAMPLE,
    least: float = LEAST,
    batch_size: int = 64,
    on_progress: Callable[[int, int], None] | None = None,
) -> UpgradeReport | None:
    """Make ``out`` an index of the rows in ``folder`` as ``encoder`` would have them, about.

    None where ``out`` is an index by that encoder already. A `build` of ``out`` makes it exact and goes
    on from the pictures that were encoded for this. Raises ``GalleryError`` where the agreement is below
    ``least`` (what was encoded is kept), for captions, and for one folder that is both; and what opening
    and building raise. ``folder`` is never changed.
    """
    old = Index.open(folder)
    _check(old, Path(out), encoder)
    settings = Settings(old.manifest.dtype, batch_size, videos=old.manifest.videos)
    job = Job(Path(out), encoder, settings, old.manifest.roots)
    with job.writing(wait=True) as waited:
        plan = job.plan(waited)
        if plan.previous is not None:
            return None
        rows = _encoded(job, plan, old, sample, on_progress)
        bridge, pictures, agreed = _learnt(plan, old, rows)
        if agreed < least:
            raise GalleryError(
                f"rows of {old.identity.name} say too little of {encoder.name}: {agreed:.2f} of the ten "
                f"nearest are the same, and {least:.2f} are wanted (learnt from {pictures} pictures)",
                f"build it: likebut index build … --out {out} (what was encoded is kept)",
            )
        write_index(job.out, _mapped(job, old, bridge, Mapped(old.identity, pictures, agreed)))
    return UpgradeReport(old.count, pictures, agreed)


def _check(old: Index, out: Path, encoder: ImageEncoder) -> None:
    hint = "name the index of a gallery, another --out, and another profile"
    if old.identity.reads_captions:
        raise GalleryError(f"{old.folder} is captions alone", hint, EXIT_USAGE)
    if os.path.realpath(out) == os.path.realpath(old.folder):
        raise GalleryError(f"{out} would be mapped into itself", hint, EXIT_USAGE)
    if old.identity == EncoderId.of(encoder):
        raise GalleryError(f"{old.folder} is by {encoder.name} already", hint, EXIT_USAGE)
    if old.manifest.mapped:
        raise GalleryError(f"{old.folder} is mapped itself", "make it exact first: likebut index build")


def _encoded(
    job: Job, plan: Plan, old: Index, sample: int, on_progress: Callable[[int, int], None] | None
) -> dict[str, int]:
    """Content hash → old row of the pictures that both encoders have encoded, ``sample`` at most."""
    items = list(old.all_items())
    rows, paths = {item.content_hash: item.row for item in items}, {item.path for item in items}
    left = max(0, sample - sum(digest in rows for _, digest in plan.settled))
    todo = [found for found in plan.todo if found.path in paths]
    chosen = sorted(Random(0).sample(range(len(todo)), min(left, len(todo))))
    part = replace(plan, todo=[todo[n] for n in chosen], settled=[], failed=[])
    encode_todo(part, job.encoder, job.settings, len(chosen), on_progress)
    assert plan.journal is not None
    return {digest: rows[digest] for digest in sorted(plan.journal.places) if digest in rows}


def _learnt(plan: Plan, old: Index, rows: dict[str, int]) -> tuple[Bridge, int, float]:
    """The bridge, from how many pictures, and its agreement on others."""
    import numpy as np

    assert plan.journal is not None
    if len(rows) < 2 * HELD_OUT:
        raise GalleryError(
            f"only {len(rows)} pictures could be encoded by both", "build it: likebut index build"
        )
    places = [plan.journal.places[digest] for digest in rows]
    new = np.stack([plan.journal.vectors(batch)[row] for batch, row in places]).astype(np.float32)
    before = old.take(list(rows.values()))
    held = np.arange(len(rows)) % HELD_OUT == 0
    bridge = learn(before[~held], new[~held])
    tried = np.flatnonzero(held)[:MOST_HELD_OUT]
    return bridge, int((~held).sum()), agreement(new[tried], bridge(before[tried]))


def _mapped(job: Job, old: Index, bridge: Bridge, mapped: Mapped) -> Content:
    def gather(start: int, stop: int) -> Any:
        return bridge(old.take(range(start, stop)))

    manifest = old.manifest
    return Content(
        encoder=job.identity,
        dimension=job.encoder.dimension,
        dtype=manifest.dtype,
        items=list(old.all_items()),
        failed=manifest.failed,
        roots=manifest.roots,
        gather=gather,
        unread=manifest.unread,
        left_out=manifest.left_out,
        mapped=mapped,
        videos=manifest.videos,
    )
