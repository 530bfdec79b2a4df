"""Looking after an index: what it is (``info``), whether it is whole (``verify``), taking items
out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import GalleryError, IndexDamaged, IndexMissing, NoImages, readable, rebuild_hint
from .files import FileEntry, disk_errors, sha256_of
from .lock import write_lock
from .manifest import read_manifest, rows_hash
from .shards import check_shards, take_rows
from .sides import realign
from .store import SIDE, Index, earlier_side, stale
from .writing import Content, write_index

if TYPE_CHECKING:
    from .items import Item

NORM_TOLERANCE = 2e-3  # rows of d halves are off unit length by less than 2^-11


@dataclass(frozen=True)
class VerifyReport:
    """What is wrong with an index, one line each, and how many rows were looked at.

    ``rebuild`` says how it is made anew.
    """

    problems: tuple[str, ...]
    rows: int
    rebuild: str = field(default="", compare=False)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(folder: Path) -> VerifyReport:
    """Check every checksum, the counts and the length of every row, and so of the caption side.

    Raises ``IndexMissing`` or ``IndexIncompatible``; whatever is damaged is a problem in the
    report.
    """
    folder = Path(folder)
    try:
        manifest = read_manifest(folder)
        problems = [line for entry in manifest.files() for line in _file_problems(folder, entry)]
        # what lies in files that changed would only be said twice
        problems = problems or _contents(Index.open(folder))
    except IndexDamaged as error:
        return VerifyReport((error.message,), 0, error.hint)
    problems += _side_problems(folder, bool(problems))
    return VerifyReport(tuple(problems), manifest.count, rebuild_hint(folder, manifest.roots))


def _side_problems(folder: Path, pictures_damaged: bool) -> list[str]:
    """What is wrong with the caption side, each line marked as its own."""
    try:
        problems = list(verify(folder / SIDE).problems)
        if not problems and not pictures_damaged:
            why = stale(Index.open(folder / SIDE), Index.open(folder))
            problems = [f"they {why}"] if why else []
    except IndexMissing:
        return []
    except GalleryError as error:
        problems = [error.message]
    return [f"{SIDE}: {line}" for line in problems]


def _file_problems(folder: Path, entry: FileEntry) -> list[str]:
    try:
        same = sha256_of(folder / entry.file) == entry.sha256
    except OSError as error:
        return [f"{entry.file}: {(error.strerror or 'cannot be read').lower()}"]
    return [] if same else [f"{entry.file}: the checksum differs"]


def _contents(index: Index) -> list[str]:
    import numpy as np

    problems = []
    first = 0
    # the mean of unit vectors is no longer than they are, and no caption is a row of zeros
    low = 0.0 if index.manifest.encoder.reads_captions else 1 - NORM_TOLERANCE
    for shard in index.vectors():
        for at in range(0, len(shard), 8192):
            lengths = np.linalg.norm(shard[at : at + 8192].astype(np.float32), axis=1)
            # "not within" rather than "beyond": NaN is not within
            within = (lengths >= low) & (lengths <= 1 + NORM_TOLERANCE)
            for row in np.flatnonzero(~within)[:10]:
                problems.append(f"row {first + at + row}: length {lengths[row]:.4f}, not 1")
        first += len(shard)
    items = list(index.all_items())
    ids = [item.id for item in items]
    if index.rows_sha256 != rows_hash((item.id, item.content_hash) for item in items):
        problems.append("items: they are not those that the manifest names")
    if any(a >= b for a, b in pairwise(ids)):
        problems.append("items: the ids are not ascending and unique")
    if index.mu.shape != (index.dimension,) or index.sigma.shape != (index.dimension,) * 2:
        problems.append("stats: the shapes do not fit the dimension")
    return problems


def info(folder: Path) -> dict[str, Any]:
    """What an index is, as plain JSON values."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    return {
        "folder": readable(str(folder)),
        "format_version": manifest.format_version,
        "encoder": manifest.encoder.name,
        "fingerprint": manifest.encoder.fingerprint,
        "preprocessing": manifest.encoder.preprocessing,
        "dimension": manifest.dimension,
        "dtype": manifest.dtype,
        "items": manifest.count,
        "failed": sorted(
            [
                *([readable(f.path), f.reason] for f in manifest.failed),
                *([readable(path), why] for path, why in manifest.unread),
            ]
        ),
        "left_out": dict(manifest.left_out),
        "shards": len(manifest.shards),
        "bytes": sum(entry.bytes for entry in manifest.files()),
        "roots": [readable(root) for root in manifest.roots],
        **_side_facts(folder),
    }


def _side_facts(folder: Path) -> dict[str, Any]:
    """Of the caption side, or of an index that is captions itself; nothing without captions."""
    try:
        pictures = Index.open(folder)
        if pictures.manifest.encoder.reads_captions:
            return {"captioned": pictures.captioned}
        side = earlier_side(folder)
    except GalleryError as error:
        return {"captions": error.message}
    if side is None:
        return {}
    return {
        "captions": stale(side, pictures) or "fit the items",
        "captioned": side.captioned,
        "captions_from": side.manifest.source,
    }


def remove(folder: Path, glob: str) -> int:
    """Take the items whose id or path matches ``glob`` (``*`` also matches ``/``) out of the index.

    Where an item is called just so, brackets and all, it is that one. Each side changes in one step,
    the captions after the pictures. Gives how many went. Raises
    ``NoImages`` when none would be left.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise IndexMissing(f"no index in {folder}")
    with disk_errors(folder), write_lock(folder):
        index = Index.open(folder)
        items = list(index.all_items())
        called = {item.row for item in items if glob in (item.id, readable(item.path))}
        called = called or {item.row for item in items if _matches(item, glob)}
        stay = [item for item in items if item.row not in called]
        if not stay and items:
            raise NoImages(f"{glob!r} matches all {len(items)} items", "an index holds at least one")
        if len(stay) < len(items):
            check_shards(index.folder, index.manifest)
            write_index(folder, _remaining(index, stay))
        realign(folder)
        return len(items) - len(stay)


def _remaining(index: Index, stay: Sequence[Item]) -> Content:
    import numpy as np

    manifest, shards = index.manifest, index.vectors()
    rows = np.array([item.row for item in stay], np.int64)
    return Content(
        encoder=manifest.encoder,
        dimension=manifest.dimension,
        dtype=manifest.dtype,
        items=stay,
        failed=manifest.failed,
        roots=manifest.roots,
        gather=lambda start, stop: take_rows(shards, rows[start:stop]),
        unread=manifest.unread,
        left_out=manifest.left_out,
    )


def _matches(item: Item, glob: str) -> bool:
    return fnmatchcase(item.id, glob) or fnmatchcase(readable(item.path), glob)
