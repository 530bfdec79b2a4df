"""``manifest.json``: the one file that says what an index is; written last, replaced in one step.

Its ``checksum`` covers the canonical JSON of everything else in it, so a flipped byte is noticed;
the checksums it holds cover the other files. Names are kept as the system gives them: JSON escapes
carry the surrogates of names that are not UTF-8.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .contract import Box, EncoderId
from .errors import (
    GalleryError,
    IndexDamaged,
    IndexIncompatible,
    IndexMissing,
    Problem,
    another_hint,
    rebuild_hint,
)
from .files import FileEntry
from .own import foreign
from .seal import MANIFEST, is_sealed, write_sealed

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Failed:
    """A file that is no usable picture, remembered so that it is not decoded again unchanged."""

    path: str
    size: int
    mtime_ns: int
    reason: str
    ctime_ns: int = 0
    inode: int = 0


@dataclass(frozen=True)
class Parts:
    """What the rows of a region side are: vectors of these parts, one after another (see ``regions``).

    With a ``codebook`` a row holds the codes of the vectors instead (see ``codes``).
    """

    kind: str
    boxes: tuple[Box, ...]
    codebook: FileEntry | None = None


@dataclass(frozen=True)
class Mapped:
    """Rows that were not encoded: mapped from those of another ``encoder`` (see ``upgrade``)."""

    encoder: EncoderId
    pictures: int  # that the map was learnt from
    agreement: float  # on others; see ``mapping.agreement``


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` holds, but for its own checksum."""

    encoder: EncoderId
    dimension: int
    dtype: str
    count: int
    shards: tuple[FileEntry, ...]
    items: FileEntry
    stats: FileEntry
    failed: tuple[Failed, ...] = ()
    roots: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION
    # of the ids and contents, row by row (see `rows_hash`); empty in an index made before it was kept
    rows_sha256: str = ""
    # (path, reason) of what failed and is tried again, and (ending, how many) of what is not read here
    unread: tuple[Problem, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    # where captions come from, for people and for comparing; empty for an index of pictures
    source: str = ""
    parts: Parts | None = None  # of a region side alone
    mapped: Mapped | None = None
    videos: int = 0  # frames that each video gave; 0: videos are passed over

    def files(self) -> tuple[FileEntry, ...]:
        """Every other file of the index."""
        codebook = self.parts.codebook if self.parts else None
        return (*self.shards, self.items, self.stats, *((codebook,) if codebook else ()))


def rows_hash(rows: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over (id, content hash) of every row, in order: two indexes with it line up."""
    digest = hashlib.sha256()
    for ident, content_hash in rows:
        digest.update(f"{ident}\n{content_hash}\n".encode())
    return digest.hexdigest()


def write_manifest(folder: Path, workspace: Path, manifest: Manifest) -> None:
    """Replace the manifest of ``folder`` in one step; ``workspace`` is on the same disk."""
    write_sealed(folder, workspace, _plain(manifest))


def _plain(manifest: Manifest) -> dict[str, Any]:
    """As JSON; what an older likebut does not know of a failed file stands apart."""
    content = asdict(manifest)
    stamps = [[failed.pop("ctime_ns"), failed.pop("inode")] for failed in content["failed"]]
    for name in ("parts", "mapped", "videos"):  # what few have is not there in the others
        if not content[name]:
            del content[name]
    return {**content, "failed_stamps": stamps}


def read_manifest(folder: Path, roots: Sequence[str] = ()) -> Manifest:
    """The manifest of the index in ``folder``; ``roots`` only serve the hint.

    Raises ``IndexMissing``, ``IndexDamaged`` or, for a newer format, ``IndexIncompatible``.
    """
    path = folder / MANIFEST
    hint = rebuild_hint(folder, roots)
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IndexMissing(f"no index in {folder}", hint.replace(" --rebuild", "")) from error
    except OSError as error:
        raise IndexDamaged(f"cannot read {path}: {error.strerror}", hint) from error
    damaged = IndexDamaged(f"the index in {folder} is damaged: {MANIFEST} was changed or cut", hint)
    try:
        content = json.loads(raw.decode("ascii"))
        sealed = is_sealed(content)
    except (ValueError, RecursionError):
        sealed = False
    if not sealed:
        raise _unsealed(folder, damaged)
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        raise IndexIncompatible(
            f"the index in {folder} has format {version}; this likebut reads {FORMAT_VERSION}",
            "update likebut, or " + another_hint(roots or content.get("roots", ())).partition(" or ")[2],
        )
    try:
        return _parse(content)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged from error


def _unsealed(folder: Path, damaged: IndexDamaged) -> GalleryError:
    """What a manifest is that was not written so: one of something else, or damaged."""
    if not foreign(folder):
        return damaged
    return IndexMissing(
        f"no index in {folder}: its {MANIFEST} is of something else", "name the folder of an index"
    )


def check_encoder(manifest: Manifest, folder: Path, wanted: str, name: str = "") -> None:
    """Raise ``IndexIncompatible`` unless the vectors were made by weights ``wanted``."""
    if manifest.encoder.fingerprint != wanted:
        label = " ".join(part for part in (name, wanted[:12]) if part)
        raise IndexIncompatible(
            f"the index in {folder} was made by encoder {manifest.encoder.name} "
            f"{manifest.encoder.fingerprint[:12]}, not by {label}",
            another_hint(manifest.roots),
        )


def _parse(content: dict[str, Any]) -> Manifest:
    return Manifest(
        encoder=EncoderId(**content["encoder"]),
        dimension=content["dimension"],
        dtype=content["dtype"],
        count=content["count"],
        shards=tuple(FileEntry(**entry) for entry in content["shards"]),
        items=FileEntry(**content["items"]),
        stats=FileEntry(**content["stats"]),
        failed=_failed(content),
        unread=tuple(Problem(str(path), str(why)) for path, why in content.get("unread", ())),
        left_out=tuple((str(end), int(count)) for end, count in content.get("left_out", ())),
        roots=tuple(content["roots"]),
        rows_sha256=content.get("rows_sha256", ""),
        source=content.get("source", ""),
        parts=_parts(content["parts"]) if "parts" in content else None,
        mapped=_mapped(content["mapped"]) if "mapped" in content else None,
        videos=int(content.get("videos", 0)),
    )


def _parts(content: dict[str, Any]) -> Parts:
    codebook = content["codebook"]
    boxes = tuple(Box(*map(float, box)) for box in content["boxes"])
    return Parts(content["kind"], boxes, FileEntry(**codebook) if codebook else None)


def _mapped(content: dict[str, Any]) -> Mapped:
    return Mapped(EncoderId(**content["encoder"]), int(content["pictures"]), float(content["agreement"]))


def _failed(content: dict[str, Any]) -> tuple[Failed, ...]:
    stamps = content.get("failed_stamps") or [(0, 0)] * len(content["failed"])
    return tuple(
        Failed(**entry, ctime_ns=ctime_ns, inode=inode)
        for entry, (ctime_ns, inode) in zip(content["failed"], stamps, strict=True)
    )
