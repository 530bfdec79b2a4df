"""One build of an index, step by step: looked at, planned, encoded, written."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from .contract import EncoderId, ImageEncoder
from .decode import quiet
from .encoding import Settings, encode_todo
from .errors import (
    GalleryError,
    IndexDamaged,
    IndexIncompatible,
    IndexMissing,
    NoImages,
    another_hint,
    readable,
)
from .files import disk_errors
from .formats import why_not
from .frames import frames_wanted, tell_change
from .journal import Journal
from .lock import write_lock
from .manifest import Manifest
from .own import check_own
from .plan import Plan, make_plan
from .reading import Reader
from .realigning import forms_behind
from .roots import check_roots
from .scan import Scan, scan
from .sides import is_behind
from .store import Index
from .writing import PENDING, leftovers, tidy, write_index


class Job:
    """One build, step by step; ``seconds`` fills up on the way."""

    def __init__(
        self, out: Path, encoder: ImageEncoder, settings: Settings, roots: tuple[str, ...]
    ) -> None:
        self.out, self.encoder, self.settings, self.roots = out, encoder, settings, roots
        self.identity = EncoderId.of(encoder)
        self.seconds = {"scan": 0.0}
        self.encoded = 0
        self.read_by = ""
        self.found = self.scan()
        self.seen: Manifest | None = None

    def scan(self) -> Scan:
        """The gallery as it is now."""
        began = perf_counter()
        found = scan(self.roots, frames_wanted(self.settings.videos, self.out, self.settings.donors))
        self.seconds["scan"] += perf_counter() - began
        return found

    def check_roots(self) -> None:
        """Raises ``GalleryError`` where pictures of other roots would be lost."""
        with suppress(IndexMissing, IndexDamaged):
            check_roots(Index.open(self.out), self.roots)

    def current(self, read: int = 0) -> Plan | None:
        """The plan, where the index is as it would be written; None where there is work.

        Files whose stamps alone have changed are read for it, if they are ``read`` bytes at most.
        """
        if self.settings.rebuild or self.settings.reread:
            return None
        plan = make_plan(self.found.files, self._previous())
        self.seen = plan.previous.manifest if plan.previous else None
        if self.seen is None:
            return None
        self._try_again(plan, self.seen)
        if read:
            self._read_todo(plan, read)
        exact = plan.is_exact(self.roots, self.found)
        if not (exact or plan.is_current(self.roots)) or is_behind(self.out) or forms_behind(self.out):
            return None
        if not exact or leftovers(self.out, self.seen):
            # of a build that was killed or is running, or of an older likebut; only if that is possible
            with suppress(GalleryError), self.writing(False):
                fresh = self.plan(waited=True)
                if fresh.previous and not fresh.todo:
                    self.write(fresh)
        return plan

    def _try_again(self, plan: Plan, manifest: Manifest) -> None:
        """Settle the files that could not be read before and still cannot, so that nothing is to do."""
        before = dict(manifest.unread)
        if not plan.todo or any(readable(found.path) not in before for found in plan.todo):
            return
        reader = Reader(self.encoder, plan.known, self.settings.pixels_limit)
        with quiet():
            outcomes = [reader.read(found) for found in plan.todo]
        if all(outcome.reason and not outcome.lasting for outcome in outcomes):
            for outcome in outcomes:
                plan.fail(outcome.found, outcome.reason, False)
            plan.todo.clear()

    def _read_todo(self, plan: Plan, limit: int) -> None:
        """Settle files whose contents are those that the index has of them, as it knows them."""
        known = {item.path: item for item in plan.before}
        if sum(found.size for found in plan.todo) > limit:
            return
        reader = Reader(self.encoder, lambda _: True, self.settings.pixels_limit)
        for found in list(plan.todo):
            item = known.get(found.path)
            if item is None or reader.read(found).content_hash != item.content_hash:
                return
            as_known = replace(found, mtime_ns=item.mtime_ns, ctime_ns=item.ctime_ns, inode=item.inode)
            plan.settled.append((as_known, item.content_hash))
            plan.todo.remove(found)
            plan.reused += 1

    @contextmanager
    def writing(self, wait: bool) -> Iterator[bool]:
        """Hold the lock of the folder, which is made, and goes again where nothing came of it.

        Gives whether another process was waited for.
        """
        fresh = not self.out.exists()
        check_own(self.out)
        try:
            with disk_errors(self.out):
                self.out.mkdir(parents=True, exist_ok=True)
                with write_lock(self.out, wait=wait) as waited, quiet():
                    yield waited
        except GalleryError:
            if fresh:
                self._take_back()
            raise

    def _take_back(self) -> None:
        """Take away what was made and holds nothing; what was encoded stays."""
        pending = self.out / PENDING
        journals = list(pending.iterdir()) if pending.is_dir() else []
        for place in (*journals, pending, self.out):
            with suppress(OSError):
                place.rmdir()

    def plan(self, waited: bool) -> Plan:
        """Which files need no reading, by the previous index and the journal."""
        previous = None if self.settings.rebuild else self._previous()
        if waited or (previous and previous.manifest != self.seen):
            self.found = self.scan()  # who wrote meanwhile may have seen more than we did
        journal = Journal(self.out / PENDING, self.identity, self.encoder.dimension, self.settings.dtype)
        return make_plan(
            self.found.files,
            previous,
            journal,
            donors=() if self.settings.rebuild else self._donors(),
            reread=self.settings.reread,
        )

    def _donors(self) -> list[Index]:
        """The indexes whose vectors may be taken over: whole, and by this encoder."""
        found = []
        for place in self.settings.donors:
            with suppress(GalleryError):
                index = Index.open(place)
                if self._fits(index):
                    found.append(index)
        return found

    def _fits(self, index: Index) -> bool:
        manifest = index.manifest
        made = (manifest.encoder, manifest.dimension, manifest.dtype)
        return manifest.mapped is None and made == (
            self.identity,
            self.encoder.dimension,
            self.settings.dtype,
        )

    def _previous(self) -> Index | None:
        try:
            index = Index.open(self.out)
        except IndexMissing:
            return None
        manifest = index.manifest
        if manifest.mapped and manifest.encoder == self.identity:
            return None  # none of its rows is one of this encoder
        if not self._fits(index):
            raise IndexIncompatible(
                f"the index in {self.out} was made by encoder {manifest.encoder.name} "
                f"{manifest.encoder.fingerprint[:12]} in {manifest.dtype}, not by "
                f"{self.identity.name} {self.identity.fingerprint[:12]} in {self.settings.dtype}",
                another_hint(self.roots),
            )
        return index

    def encode(self, plan: Plan, on_progress: Callable[[int, int], None] | None) -> None:
        """Read what the plan left open, encode the new contents, and settle every file."""
        began = perf_counter()
        batches = encode_todo(plan, self.encoder, self.settings, len(self.found.files), on_progress)
        self.encoded, self.read_by = batches.encoded, batches.read_by
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
        content = plan.content(
            self.identity, self.encoder.dimension, self.settings.dtype, self.roots, self.found
        )
        if plan.previous and plan.is_exact(self.roots, self.found):
            tidy(self.out, plan.previous.manifest)
        else:
            write_index(self.out, content)
            before = plan.previous.manifest.videos if plan.previous else 0
            tell_change(self.out, self.roots, before, self.found.videos)
        self.seconds["write"] = perf_counter() - began

    def _nothing(self, plan: Plan) -> NoImages:
        places = ", ".join(readable(root) for root in self.roots)
        bad = (*self.found.problems, *plan.problems())
        if bad:
            first = ": ".join(bad[0])
            return NoImages(f"no readable picture in {places}; {len(bad)} failed, first {first}")
        if self.found.left_out:
            count = sum(number for _, number in self.found.left_out)
            ending = self.found.left_out[0][0]
            return NoImages(
                f"no pictures in {places} that can be read here; {count} others, such as {ending} files",
                why_not(ending),
            )
        return NoImages(f"no pictures in {places}", "folders are searched for jpg, png, webp, …")
