"""Make or refresh the index of a gallery.

Threads read, hash, decode and prepare files; the calling thread encodes. Unchanged files (path,
size, mtime) are not read, equal contents are encoded once, every finished batch goes to the
journal, and the manifest is replaced last: a build killed at any moment loses the batch in flight
and nothing else. What there is to do is looked up without the lock, which is taken only to do it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from .decode import MAX_PIXELS
from .encoding import Settings
from .errors import EXIT_USAGE, GalleryError, Problem
from .job import Job
from .mappers import AUTO, check_mapper, check_nobody_reads_here
from .realigning import realign_forms
from .region_build import RegionReport, RegionSpec, region_step
from .remote import absolute
from .sides import realign
from .videos import check

if TYPE_CHECKING:
    from .cluster import Elsewhere
    from .contract import ImageEncoder
    from .plan import Plan

READ_AT_MOST = 1 << 28  # bytes; about a second


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    ``items`` are in the index now; of them ``reused`` unchanged, ``renamed`` (moved files that kept
    their vectors), ``duplicates`` of another file's content, ``resumed`` from a build that was cut
    short. ``encoded`` pictures went through the encoder, ``removed`` items went. ``failed`` holds
    (path, reason). ``seconds_by`` tells wall seconds of scan, wait, encode, write, and thread
    seconds of threads.read, threads.decode, threads.prepare. ``left_out`` counts by ending what cannot
    be read here (see ``formats.why_not``); ``news`` is whether anything differs from the time before.
    ``regions`` says what was done to the vectors of parts, where there are any. ``read_by`` tells who
    read the pictures ("16 processes"), where any were.
    """

    items: int
    encoded: int
    reused: int
    renamed: int
    removed: int
    failed: tuple[Problem, ...]
    seconds: float
    seconds_by: dict[str, float]
    duplicates: int = 0
    resumed: int = 0
    left_out: tuple[tuple[str, int], ...] = ()
    news: bool = True
    regions: RegionReport | None = None
    read_by: str = ""


def build(
    roots: Sequence[str | Path],
    out: Path,
    encoder: ImageEncoder,
    *,
    batch_size: int = 64,
    threads: int | None = None,
    dtype: str = "float16",
    on_progress: Callable[[int, int], None] | None = None,
    pixels_limit: int = MAX_PIXELS,
    rebuild: bool = False,
    reread: bool = False,
    donors: Sequence[Path] = (),
    mapper: str = AUTO,
    wait: bool = True,
    change_roots: bool = True,
    regions: RegionSpec | None = None,
    elsewhere: Elsewhere | None = None,
    videos: int | None = None,
) -> BuildReport:
    """Index exactly the pictures under ``roots`` in folder ``out``, reusing what it can.

    A root is a folder, a file, or the address of either (``s3://bucket/folder``; see ``remote``).

    ``dtype`` is "float16" or "float32". ``on_progress(done, total)`` counts files and is called
    from this thread. ``rebuild`` encodes everything anew, whatever index is there. Captions stay with
    the contents that they belong to. ``regions`` makes vectors of parts of the pictures, too; those that
    are there are kept up without.

    With ``reread`` every file is read, and what is in it decides; else a file of the same size and
    times is taken to be unchanged. Vectors of equal contents are taken over from ``donors``, index
    folders by the same encoder. Without ``change_roots`` an index that would lose what other roots
    gave it is refused. ``elsewhere`` is a Ray cluster that reads and encodes; the index is the same.
    ``videos`` is how many frames of each video are items, 0 for none; without, as the index has it.

    While another process writes the index it is waited for, and its result used. Raises
    ``IndexBusy`` instead where not to ``wait``; ``NoImages``, ``IndexIncompatible`` (other encoder or
    dtype), ``IndexDamaged``, ``NotWritable``, ``DiskFull`` or ``GalleryError``; the previous index is
    then as it was. ``mapper`` says how files are read, see ``mappers``.
    """
    _check(dtype, batch_size, mapper, videos or 0)
    if elsewhere:
        check_nobody_reads_here(mapper)
    began = perf_counter()
    settings = Settings(
        dtype,
        batch_size,
        threads,
        pixels_limit,
        rebuild,
        reread,
        tuple(map(Path, donors)),
        mapper,
        elsewhere,
        videos,
    )
    job = Job(Path(out), encoder, settings, tuple(map(absolute, roots)))
    if not change_roots:
        job.check_roots()
    step = region_step(job.out, encoder, settings, regions)
    plan = job.current()
    current, report = plan is not None, None
    if plan is None or (step and step.is_behind()):
        with job.writing(wait) as waited:
            if waited and not change_roots:
                job.check_roots()
            plan = job.plan(waited)
            job.encode(plan, on_progress)
            if step and plan.settled:
                step.encode(plan.settled, on_progress)
            job.write(plan)
            realign(job.out)
            report = step.write() if step else None
            realign_forms(job.out)
    news = not current or bool(report and report.encoded)
    return replace(_report(job, plan, perf_counter() - began, news), regions=report)


def _check(dtype: str, batch_size: int, mapper: str, videos: int) -> None:
    """Raises ``GalleryError`` for what no index can be built with."""
    if dtype not in ("float16", "float32") or batch_size < 1:
        raise GalleryError(
            f"unusable settings: dtype {dtype!r}, batch size {batch_size}",
            "dtype is float16 or float32, the batch size at least 1",
            EXIT_USAGE,
        )
    check_mapper(mapper)
    check(videos)


def look(roots: Sequence[Path], out: Path, encoder: ImageEncoder) -> BuildReport | None:
    """What `build` would report where there is nothing to do but to note dates; else None.

    Writes nothing, and so reads files whose dates alone have changed, if they are few. Raises as it does.
    """
    began = perf_counter()
    job = Job(Path(out), encoder, Settings(), tuple(map(absolute, roots)))
    plan = job.current(READ_AT_MOST)
    return _report(job, plan, perf_counter() - began, False) if plan else None


def _report(job: Job, plan: Plan, seconds: float, news: bool) -> BuildReport:
    """What was done, in numbers."""
    counts = plan.counts()
    return BuildReport(
        items=len(plan.settled),
        encoded=job.encoded,
        reused=counts["reused"],
        renamed=counts["renamed"],
        removed=counts["removed"],
        failed=(*job.found.problems, *plan.problems()),
        seconds=seconds,
        seconds_by=job.seconds,
        duplicates=counts["duplicates"],
        resumed=counts["resumed"],
        left_out=job.found.left_out,
        read_by=job.read_by,
        news=news or (job.seen is not None and job.seen.left_out != job.found.left_out),
    )
