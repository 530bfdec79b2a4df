"""Looking after an index: what it is (``info``), whether it is whole (``verify``), taking items
out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .beside import SIDE, earlier_side, stale
from .checks import problems_of, side_problems
from .errors import (
    GalleryError,
    IndexDamaged,
    IndexMissing,
    NoImages,
    caption_command,
    readable,
    rebuild_hint,
    regions_command,
)
from .files import disk_errors
from .form_checks import form_advice, form_facts, form_problems
from .lock import write_lock
from .manifest import Manifest, read_manifest
from .realigning import realign_forms
from .region_build import realign_regions
from .regions import FOLDER, earlier_regions, region_facts
from .shards import check_shards, take_rows
from .sides import realign
from .store import Index
from .videos import file_of, named, without_number
from .writing import Content, write_index

if TYPE_CHECKING:
    from .items import Item


@dataclass(frozen=True)
class VerifyReport:
    """What is wrong with an index, one line each, and how many rows were looked at.

    ``advice`` says what to do about it, in lines.
    """

    problems: tuple[str, ...]
    rows: int
    advice: tuple[str, ...] = field(default=(), compare=False)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(folder: Path) -> VerifyReport:
    """Check every checksum, the counts and the length of every row, of captions and regions, too.

    Of compressed forms the checksums, and that they are of these rows.

    Raises ``IndexMissing`` or ``IndexIncompatible``; whatever is damaged is a problem in the
    report.
    """
    folder = Path(folder)
    try:
        manifest, problems = problems_of(folder)
    except IndexDamaged as error:
        return VerifyReport((error.message,), 0, (error.hint,))
    captions, regions = (side_problems(folder, name, bool(problems)) for name in (SIDE, FOLDER))
    if problems:
        advice: tuple[str, ...] = (rebuild_hint(folder, manifest.roots),)
    else:
        advice = _advice(folder, manifest, captions, regions)
    forms = form_problems(folder, problems, captions)
    return VerifyReport(
        (*problems, *captions, *regions, *forms), manifest.count, (*advice, *form_advice(folder, forms))
    )


def _advice(folder: Path, manifest: Manifest, captions: list[str], regions: list[str]) -> tuple[str, ...]:
    """What makes sides anew that are damaged, the pictures being whole."""
    lines = ["the pictures are whole"] * bool(captions or regions)
    if captions:
        lines.append(f"make the captions anew: {caption_command(folder)}")
        lines.append("(or likebut index build … --captions FILE); what is there is moved aside")
    if regions:
        kind = ""
        with suppress(GalleryError):
            side = earlier_regions(folder)
            kind = side.kind if side else ""
        lines.append(f"make the regions anew: {regions_command(folder, manifest.roots, kind)}")
    return tuple(lines)


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
        "failed": [
            list(problem)
            for problem in named([*((f.path, f.reason) for f in manifest.failed), *manifest.unread])
        ],
        "left_out": dict(manifest.left_out),
        **({"videos": manifest.videos} if manifest.videos else {}),
        "shards": len(manifest.shards),
        "bytes": sum(entry.bytes for entry in manifest.files()),
        "roots": [readable(root) for root in manifest.roots],
        **_mapped_facts(manifest),
        **_side_facts(folder),
        **_region_facts(folder),
        **form_facts(folder),
    }


def _mapped_facts(manifest: Manifest) -> dict[str, Any]:
    """Of rows that were mapped from another encoder's; nothing where they were encoded."""
    mapped = manifest.mapped
    if mapped is None:
        return {}
    return {"mapped_from": mapped.encoder.name, "agreement": round(mapped.agreement, 3)}


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


def _region_facts(folder: Path) -> dict[str, Any]:
    """Of the vectors of parts; nothing where there are none."""
    try:
        return region_facts(Index.open(folder))
    except GalleryError as error:
        return {"regions": error.message}


def remove(folder: Path, glob: str) -> int:
    """Take the items whose id or path matches ``glob`` (``*`` also matches ``/``) out of the index.

    Where an item is called just so, brackets and all, it is that one. Each side changes in one step,
    captions and regions after the pictures. Gives how many went. Raises
    ``NoImages`` when none would be left.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise IndexMissing(f"no index in {folder}")
    with disk_errors(folder), write_lock(folder):
        index = Index.open(folder)
        items = list(index.all_items())
        called = {item.row for item in items if glob in _names(item)}
        called = called or {item.row for item in items if _matches(item, glob)}
        stay = [item for item in items if item.row not in called]
        if not stay and items:
            raise NoImages(f"{glob!r} matches all {len(items)} items", "an index holds at least one")
        if len(stay) < len(items):
            check_shards(index.folder, index.manifest)
            write_index(folder, _remaining(index, stay))
        realign(folder)
        realign_regions(folder)
        realign_forms(folder)
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
        mapped=manifest.mapped,
        videos=manifest.videos,
    )


def _matches(item: Item, glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in _names(item))


def _names(item: Item) -> tuple[str, ...]:
    """What an item is called: its id, its path, and of a frame those of its video."""
    return (item.id, without_number(item.id), readable(item.path), readable(file_of(item.path)))
