"""What is wrong with the files and rows of an index, or of a side of it, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from .beside import stale
from .errors import GalleryError, IndexMissing
from .files import FileEntry, sha256_of
from .manifest import Manifest, read_manifest, rows_hash
from .regions import StoredRegions
from .store import Index

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NORM_TOLERANCE = 2e-3  # rows of d halves are off unit length by less than 2^-11
SHOWN = 10  # rows of a block
BLOCK_ROWS = 8192
BLOCK_NUMBERS = 1 << 23


def problems_of(folder: Path) -> tuple[Manifest, list[str]]:
    """The manifest, and what is wrong with the rest. Raises ``IndexDamaged`` where it cannot be opened."""
    manifest = read_manifest(folder)
    problems = [line for entry in manifest.files() for line in _file_problems(folder, entry)]
    # what lies in files that changed would only be said twice
    return manifest, problems or _contents(Index.open(folder))


def side_problems(folder: Path, name: str, pictures_damaged: bool) -> list[str]:
    """What is wrong with captions or regions, each line marked as theirs."""
    try:
        problems = problems_of(folder / name)[1]
        if not problems and not pictures_damaged:
            why = stale(Index.open(folder / name), Index.open(folder))
            problems = [f"they {why}"] if why else []
    except IndexMissing:
        return []
    except GalleryError as error:
        problems = [error.message]
    return [f"{name}: {line}" for line in problems]


def _file_problems(folder: Path, entry: FileEntry) -> list[str]:
    try:
        same = sha256_of(folder / entry.file) == entry.sha256
    except OSError as error:
        return [f"{entry.file}: {(error.strerror or 'cannot be read').lower()}"]
    return [] if same else [f"{entry.file}: the checksum differs"]


def _contents(index: Index) -> list[str]:
    problems = list(_row_problems(index))
    items = list(index.all_items())
    ids = [item.id for item in items]
    if index.rows_sha256 != rows_hash((item.id, item.content_hash) for item in items):
        problems.append("items: they are not those that the manifest names")
    if any(a >= b for a, b in pairwise(ids)):
        problems.append("items: the ids are not ascending and unique")
    dimension = 0 if index.manifest.parts else index.dimension
    if index.mu.shape != (dimension,) or index.sigma.shape != (dimension,) * 2:
        problems.append("stats: the shapes do not fit the dimension")
    return problems


def _row_problems(index: Index) -> Iterator[str]:
    """Vectors whose length is not 1; of codes the checksum has said all."""
    import numpy as np

    regions = StoredRegions(index) if index.manifest.parts else None
    each = len(regions.boxes) if regions else 1
    missing = np.array(sorted(regions.absent) if regions else [], np.int64)
    # the mean of unit vectors is no longer than they are, and no caption is a row of zeros
    low = 0.0 if index.manifest.encoder.reads_captions else 1 - NORM_TOLERANCE
    first = 0
    for shard in () if regions and regions.code_bytes else index.vectors():
        for block in _blocks(shard):
            lengths = np.linalg.norm(block.reshape(len(block), each, -1), axis=2)
            # "not within" rather than "beyond": NaN is not within
            wrong = ~((lengths >= low) & (lengths <= 1 + NORM_TOLERANCE))
            none = np.isin(np.arange(first, first + len(block)), missing)
            wrong[none] = lengths[none] != 0
            for row, part in np.argwhere(wrong)[:SHOWN]:
                which = f", part {part}" if regions else ""
                yield f"row {first + row}{which}: length {lengths[row, part]:.4f}, not {int(not none[row])}"
            first += len(block)


def _blocks(shard: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """The rows as float32, so many at a time that they fit in memory however long they are."""
    import numpy as np

    rows = max(1, min(BLOCK_ROWS, BLOCK_NUMBERS // shard.shape[1]))
    for at in range(0, len(shard), rows):
        yield shard[at : at + rows].astype(np.float32)
