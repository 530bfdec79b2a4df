"""The region side of an index: made, kept in step with the pictures, and realigned without an encoder.

It is a step of a build (see ``build``), under the same lock: what is new is encoded before the pictures
are written, into a journal of its own, and the side is written right after them. So it is behind for no
longer than its files take to write, and a build killed at any moment loses the batch in flight.
Vectors belong to contents: renamed files keep theirs, equal contents are encoded once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .codes import check_codes
from .contract import ImageEncoder
from .encoding import Settings, encode_todo
from .errors import GalleryError, IndexDamaged, Problem
from .journal import Journal
from .own import check_own
from .parts import CORNERS, CROPS, check_kind, identity_of, parts_encoder
from .plan import Plan
from .region_rows import NEW, Form, check_regions, places_of, write_regions
from .regions import FOLDER, StoredRegions, earlier_regions
from .scan import File
from .store import Index
from .writing import PENDING

_log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RegionSpec:
    """Which regions a build makes: "crops" or "patches"; vectors as codes of so many bytes, or whole.

    ``codes`` None leaves that as it is: whole, where there are no codes.
    """

    kind: str
    codes: int | None = None


@dataclass(frozen=True)
class RegionReport:
    """``items`` rows of ``each`` vectors, made as ``kind`` says; ``encoded`` items now.

    ``failed`` holds (id, reason) of items that have none.
    """

    kind: str
    each: int
    items: int
    encoded: int
    failed: tuple[Problem, ...] = ()


class RegionStep:
    """The regions in a build of the index in ``out``; made by `region_step`."""

    def __init__(
        self, out: Path, encoder: ImageEncoder, settings: Settings, wanted: RegionSpec, asked: bool
    ) -> None:
        self.out, self.encoder, self.settings, self.asked = out, encoder, settings, asked
        self.kind, self.codes = wanted.kind, wanted.codes or 0
        self.folder = out / FOLDER
        self.old: StoredRegions | None = None
        self.plan: Plan | None = None
        self.encoded = 0

    def is_behind(self) -> bool:
        """Whether there is work to do. What was asked for is always looked at, and its files checked."""
        if self.asked:
            return True
        with suppress(GalleryError):
            regions, pictures = earlier_regions(self.out), Index.open(self.out)
            return regions is not None and (
                regions.side.rows_sha256 != pictures.rows_sha256
                or regions.side.manifest.encoder != identity_of(self.kind, self.encoder)
                or any(reason == NEW for _, reason in regions.side.manifest.unread)
            )
        return False

    def encode(self, settled: Sequence[tuple[File, str]], on_progress: Progress | None) -> None:
        """Encode what is new among these files and contents. Called under the lock. Raises ``OSError``.

        Where nobody asked for regions, damage to those that are there is left for who opens them.
        """
        check_own(self.folder)
        try:
            self.old = self._usable()
        except IndexDamaged as error:
            _log.warning("%s: the regions are left as they are", error.message)
            return
        self.plan = self._plan()
        files: dict[str, File] = {}
        for found, digest in settled:
            if not self.plan.known(digest):
                files.setdefault(digest, found)
        self.plan.todo = list(files.values())
        if not files:
            return
        parts = parts_encoder(self.kind, self.encoder)
        each, total = len(parts.boxes), len(settled)
        self.encoded = encode_todo(self.plan, parts, self.settings, total, on_progress, each).encoded

    def write(self) -> RegionReport | None:
        """Make the regions those of the pictures as they are now. Called under the lock.

        Gives none where what is there is damaged and was left.
        """
        if self.plan is None:
            return None
        boxes = self.old.boxes if self.old else parts_encoder(self.kind, self.encoder).boxes
        failed = {failed.path: failed.reason for failed, _ in self.plan.failed}
        form = Form(
            identity_of(self.kind, self.encoder),
            self.kind,
            boxes,
            self.codes,
            self.settings.dtype,
            failed,
            "its file was no longer as it was indexed",
        )
        manifest = write_regions(Index.open(self.out), self.old, self.plan, form)
        return RegionReport(self.kind, len(boxes), manifest.count, self.encoded, manifest.unread)

    def _plan(self) -> Plan:
        """What is known already: in the side before, and in the journal of a build that was cut short."""
        if self.old:
            dimension = len(self.old.boxes) * self.old.dimension
        else:
            dimension = parts_encoder(self.kind, self.encoder).dimension
        workspace = self.folder / PENDING
        workspace.mkdir(parents=True, exist_ok=True)
        identity = identity_of(self.kind, self.encoder)
        journal = Journal(workspace, identity, dimension, self.settings.dtype)
        return Plan(None, journal, places=places_of(self.old) if self.old else {})

    def _usable(self) -> StoredRegions | None:
        """The side that is there, where its vectors are those that are wanted.

        Raises ``IndexDamaged`` where nobody asked for regions.
        """
        if self.settings.rebuild:
            return None
        try:
            old = earlier_regions(self.out)
            if old is None or not self._fits(old):
                return None
            check_regions(old)
        except IndexDamaged as error:
            if not self.asked:
                raise
            _log.warning("%s: the regions are made anew", error.message)
            return None
        return old

    def _fits(self, old: StoredRegions) -> bool:
        """Whether the old vectors can be taken over: codes as they are, whole ones also into codes."""
        made = old.side.manifest.encoder == identity_of(self.kind, self.encoder)
        boxes = self.kind != CROPS or old.boxes == CORNERS
        return made and boxes and old.code_bytes in (0, self.codes)


def region_step(
    out: Path, encoder: ImageEncoder, settings: Settings, wanted: RegionSpec | None
) -> RegionStep | None:
    """The step that makes the regions that are ``wanted``, or keeps those that are there.

    None where there are neither, or where those that are there are damaged. Raises ``GalleryError`` for
    what cannot be made, before anything is.
    """
    old = None
    with suppress(IndexDamaged):
        old = earlier_regions(out)
    if wanted:
        _check(wanted, encoder)
        if wanted.codes is None and old and old.kind == wanted.kind and not settings.rebuild:
            wanted = RegionSpec(wanted.kind, old.code_bytes)
        return RegionStep(out, encoder, settings, wanted, asked=True)
    if old is None:
        return None
    if settings.rebuild and identity_of(old.kind, encoder) != old.side.manifest.encoder:
        # of another encoder now, which may have none of the kind: that is no reason to fail
        try:
            _check(RegionSpec(old.kind, old.code_bytes or None), encoder)
        except GalleryError as error:
            _log.warning("%s: the regions are left as they are", error.message)
            return None
    return RegionStep(out, encoder, settings, RegionSpec(old.kind, old.code_bytes), asked=False)


def _check(wanted: RegionSpec, encoder: ImageEncoder) -> None:
    """Raise ``GalleryError`` for regions that this encoder does not give."""
    check_kind(wanted.kind)
    if wanted.codes is not None:
        check_codes(wanted.codes, encoder.dimension)
    if wanted.kind != CROPS:
        parts_encoder(wanted.kind, encoder)


def realign_regions(folder: Path) -> None:
    """Bring the regions to the rows of the pictures; needs no encoder. Called under the lock.

    They stay with their contents. A side that is damaged is left for the one who opens it.
    """
    with suppress(IndexDamaged):
        old = earlier_regions(folder)
        pictures = Index.open(folder)
        if old is None or old.side.rows_sha256 == pictures.rows_sha256:
            return
        check_regions(old)
        manifest = old.side.manifest
        dtype = pictures.manifest.dtype
        form = Form(manifest.encoder, old.kind, old.boxes, old.code_bytes, dtype)
        write_regions(pictures, old, Plan(None, None, places=places_of(old)), form)
