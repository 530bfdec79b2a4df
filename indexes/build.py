"""Make or refresh the index of a gallery.

Threads read, hash, decode and prepare files; the calling thread encodes. Unchanged files (path,
size, mtime) are not read, equal contents are encoded once, every finished batch goes to the
journal, and the manifest is replaced last: a build killed at any moment loses the batch in flight
and nothing else. What there is to do is looked up without the lock, which is taken only to do it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from indexes.batches import Batches
from indexes.decode import MAX_PIXELS, quiet
from indexes.errors import (
    EXIT_USAGE,
    GalleryError,
    IndexDamaged,
    IndexIncompatible,
    IndexMissing,
    NoImages,
    another_hint,
    readable,
)
from indexes.files import disk_errors
from indexes.journal import Journal
from indexes.lock import write_lock
from indexes.manifest import EncoderId, Manifest, read_manifest
from indexes.own import check_own, check_roots
from indexes.plan import Plan, make_plan
from indexes.reading import Reader, in_threads
from indexes.scan import Scan, scan
from indexes.sides import is_behind, realign
from indexes.store import Index
from indexes.writing import PENDING, leftovers, tidy, write_index

if TYPE_CHECKING:
    from indexes.contract import ImageEncoder


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    ``items`` are in the index now; of them ``reused`` unchanged, ``renamed`` (moved files that kept
    their vectors), ``duplicates`` of another file's content, ``resumed`` from a build that was cut
    short. ``encoded`` pictures went through the encoder, ``removed`` items went. ``failed`` holds
    (path, reason). ``seconds_by`` tells wall seconds of scan, wait, encode, write, and thread
    seconds of threads.read, threads.decode, threads.prepare.
    """

    items: int
    encoded: int
    reused: int
    renamed: int
    removed: int
    failed: tuple[tuple[str, str], ...]
    seconds: float
    seconds_by: dict[str, float]
    duplicates: int = 0
    resumed: int = 0


def build(
    roots: Sequence[Path],
    out: Path,
    encoder: ImageEncoder,
    *,
    batch_size: int = 64,
    threads: int | None = None,
    dtype: str = "float16",
    on_progress: Callable[[int, int], None] | None = None,
    pixels_limit: int = MAX_PIXELS,
    rebuild: bool = False,
    wait: bool = True,
    change_roots: bool = True,
) -> BuildReport:
    """Index exactly the pictures under ``roots`` in folder ``out``, reusing what it can.

    ``dtype`` is "float16" or "float32". ``on_progress(done, total)`` counts files and is called
    from this thread. ``rebuild`` encodes everything anew, whatever index is there. Captions stay with
    the contents that they belong to.

    Without ``change_roots`` an index that would lose what other roots gave it is refused.

    While another process writes the index it is waited for, and its result used. Raises
    ``IndexBusy`` instead where not to ``wait``; ``NoImages``, ``IndexIncompatible`` (other encoder or
    dtype), ``IndexDamaged``, ``NotWritable``, ``DiskFull`` or ``GalleryError``; the previous index is
    then as it was.
    """
    if dtype not in ("float16", "float32") or batch_size < 1:
        raise GalleryError(
            f"unusable settings: dtype {dtype!r}, batch size {batch_size}",
            "dtype is float16 or float32, the batch size at least 1",
            EXIT_USAGE,
        )
    began = perf_counter()
    job = _Job(Path(out), encoder, dtype, tuple(os.path.abspath(r) for r in roots))
    if not change_roots:
        job.check_roots()
    plan = None if rebuild else job.current()
    if plan is None:
        with job.writing(wait) as waited:
            plan = job.plan(rebuild, waited)
            job.encode(plan, batch_size, threads, pixels_limit, on_progress)
            job.write(plan)
            realign(job.out)
    return job.report(plan, perf_counter() - began)


class _Job:
    """One build, step by step; ``seconds`` fills up on the way."""

    def __init__(
        self, out: Path, encoder: ImageEncoder, dtype: str, roots: tuple[str, ...]
    ) -> None:
        self.out, self.encoder, self.dtype, self.roots = out, encoder, dtype, roots
        self.identity = EncoderId.of(encoder)
        self.seconds = {"scan": 0.0}
        self.encoded = 0
        self.found = self.scan()
        self.seen: Manifest | None = None

    def scan(self) -> Scan:
        """The gallery as it is now."""
        began = perf_counter()
        found = scan([Path(root) for root in self.roots])
        self.seconds["scan"] += perf_counter() - began
        return found

    def check_roots(self) -> None:
        """Raises ``GalleryError`` where pictures of other roots would be lost."""
        with suppress(IndexMissing, IndexDamaged):
            index = Index.open(self.out)
            gone = [
                root
                for root in index.manifest.roots
                if not os.path.lexists(root) and index.row_of(Path(root)) is not None
            ]
            check_roots(index.manifest, self.roots, self.out, gone)

    def current(self) -> Plan | None:
        """The plan, where the index is as it would be written; None where there is work."""
        plan = make_plan(self.found.files, self._previous())
        self.seen = plan.previous.manifest if plan.previous else None
        if self.seen is None or not plan.is_current(self.roots) or is_behind(self.out):
            return None
        if leftovers(self.out, self.seen):  # of a build that was killed, or of one that is running
            with suppress(GalleryError), self.writing(False):
                tidy(self.out, read_manifest(self.out))
        return plan

    @contextmanager
    def writing(self, wait: bool) -> Iterator[bool]:
        """Hold the lock of the folder, which is made, and goes again where nothing is indexed.

        Gives whether another process was waited for.
        """
        fresh = not self.out.exists()
        check_own(self.out)
        try:
            with disk_errors(self.out):
                self.out.mkdir(parents=True, exist_ok=True)
                with write_lock(self.out, wait=wait) as waited, quiet():
                    yield waited
        except NoImages:
            if fresh:
                with suppress(OSError):
                    self.out.rmdir()
            raise

    def plan(self, rebuild: bool, waited: bool) -> Plan:
        """Which files need no reading, by the previous index and the journal."""
        previous = None if rebuild else self._previous()
        if waited or (previous and previous.manifest != self.seen):
            self.found = self.scan()  # who wrote meanwhile may have seen more than we did
        journal = Journal(self.out / PENDING, self.identity, self.encoder.dimension, self.dtype)
        return make_plan(self.found.files, previous, journal)

    def _previous(self) -> Index | None:
        try:
            index = Index.open(self.out)
        except IndexMissing:
            return None
        manifest = index.manifest
        made = (manifest.encoder, manifest.dimension, manifest.dtype)
        if made != (self.identity, self.encoder.dimension, self.dtype):
            raise IndexIncompatible(
                f"the index in {self.out} was made by encoder {manifest.encoder.name} "
                f"{manifest.encoder.fingerprint[:12]} in {manifest.dtype}, not by "
                f"{self.identity.name} {self.identity.fingerprint[:12]} in {self.dtype}",
                another_hint(self.roots),
            )
        return index

    def encode(
        self,
        plan: Plan,
        batch_size: int,
        threads: int | None,
        pixels_limit: int,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        """Read what the plan left open, encode the new contents, and settle every file."""
        total = len(self.found.files)
        settled = total - len(plan.todo)
        reader = Reader(self.encoder, plan.known, pixels_limit)
        batches = Batches(self.encoder, plan, batch_size)
        workers = threads or min(16, os.cpu_count() or 1)
        if on_progress:
            on_progress(settled, total)
        began = perf_counter()
        for outcome in in_threads(reader.read, plan.todo, workers, batch_size + 2 * workers):
            settled += 1
            if batches.take(outcome) and on_progress:
                on_progress(settled, total)
        batches.flush()
        if on_progress and plan.todo:
            on_progress(total, total)
        self.encoded = batches.encoded
        self.seconds["wait"] = perf_counter() - began - batches.seconds
        self.seconds["encode"] = batches.seconds
        names = ("threads.read", "threads.decode", "threads.prepare")
        self.seconds.update(zip(names, batches.thread_seconds, strict=True))

    def write(self, plan: Plan) -> None:
        """Make the settled files the index, or leave it if nothing changed."""
        began = perf_counter()
        if not plan.settled:
            shutil.rmtree(self.out / PENDING, ignore_errors=True)  # seen by `check_own`
            raise self._nothing(plan)
        content = plan.content(self.identity, self.encoder.dimension, self.dtype, self.roots)
        if plan.previous and plan.is_current(self.roots):
            tidy(self.out, plan.previous.manifest)
        else:
            write_index(self.out, content)
        self.seconds["write"] = perf_counter() - began

    def _nothing(self, plan: Plan) -> NoImages:
        places = ", ".join(readable(root) for root in self.roots)
        bad = (*self.found.problems, *plan.problems())
        if bad:
            first = ": ".join(bad[0])
            return NoImages(f"no readable picture in {places}; {len(bad)} failed, first {first}")
        return NoImages(f"no pictures in {places}", "folders are searched for jpg, png, webp, …")

    def report(self, plan: Plan, seconds: float) -> BuildReport:
        """What was done, in numbers."""
        counts = plan.counts()
        return BuildReport(
            items=len(plan.settled),
            encoded=self.encoded,
            reused=counts["reused"],
            renamed=counts["renamed"],
            removed=counts["removed"],
            failed=(*self.found.problems, *plan.problems()),
            seconds=seconds,
            seconds_by=self.seconds,
            duplicates=counts["duplicates"],
            resumed=counts["resumed"],
        )
