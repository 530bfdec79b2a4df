"""The files of an index that hold its vectors and facts: opened, checked, read row by row."""

from __future__ import annotations

import io
import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ahead import gather
from .errors import IndexDamaged, rebuild_hint
from .files import HEADERS, FileEntry, load_npy, sha256_of
from .halves import HALF_BIAS, shifted
from .manifest import Manifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDENED_ROWS = 256  # at a time, so that they stay in the cache


def damaged(folder: Path, manifest: Manifest, what: str) -> IndexDamaged:
    """The error that says so, with the command that rebuilds the index."""
    return IndexDamaged(f"the index in {folder} is damaged: {what}", rebuild_hint(folder, manifest.roots))


def open_shard(folder: Path, manifest: Manifest, entry: FileEntry) -> NDArray[Any]:
    """A memory-mapped shard, (rows, d). Raises ``IndexDamaged``."""
    path = folder / entry.file
    try:
        if path.stat().st_size != entry.bytes:
            raise damaged(folder, manifest, f"{entry.file} has another size")
        shard = load_npy(path)
    except (OSError, ValueError) as error:
        raise damaged(folder, manifest, f"{entry.file} cannot be read") from error
    if shard.shape != (entry.rows, manifest.dimension) or shard.dtype.name != manifest.dtype:
        raise damaged(folder, manifest, f"{entry.file} has another shape")
    return shard


def open_bytes(folder: Path, manifest: Manifest, entry: FileEntry) -> mmap.mmap:
    """A memory-mapped file. Raises ``IndexDamaged``."""
    try:
        with (folder / entry.file).open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise damaged(folder, manifest, f"{entry.file} cannot be read") from error
    if len(data) != entry.bytes:
        raise damaged(folder, manifest, f"{entry.file} has another size")
    return data


def read_stats(
    folder: Path, manifest: Manifest, data: mmap.mmap
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """mu (d,) and sigma (d, d) from the bytes of the statistics. Raises ``IndexDamaged``."""
    import zipfile

    import numpy as np

    try:
        with HEADERS, np.load(io.BytesIO(data), allow_pickle=False) as stats:
            return stats["mu"], stats["sigma"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise damaged(folder, manifest, f"{manifest.stats.file} cannot be read") from error


def check_shards(folder: Path, manifest: Manifest) -> None:
    """Raise ``IndexDamaged`` if a shard changed: rows about to be copied get a fresh checksum."""
    check_files(folder, manifest, manifest.shards)


def check_files(folder: Path, manifest: Manifest, entries: Sequence[FileEntry]) -> None:
    """Raise ``IndexDamaged`` if one of these files changed or is gone."""
    for entry in entries:
        if sha256_of(folder / entry.file) != entry.sha256:
            raise damaged(folder, manifest, f"{entry.file}: the checksum differs")


def take_rows(shards: Sequence[NDArray[Any]], rows: NDArray[Any]) -> NDArray[Any]:
    """The vectors of ``rows`` (any order) of an index's shards, (n, d)."""
    import numpy as np

    taken = np.empty((len(rows), shards[0].shape[1]), shards[0].dtype)
    starts = np.cumsum([0, *map(len, shards)])
    owners = np.searchsorted(starts, rows, side="right") - 1
    order = np.argsort(owners, kind="stable")
    ends = np.searchsorted(owners[order], np.arange(len(shards) + 1))
    parts = []
    for number, shard in enumerate(shards):
        if ends[number] < ends[number + 1]:
            here = order[ends[number] : ends[number + 1]]
            # a plain view: indexing a np.memmap takes several times as long
            parts.append((np.asarray(shard), rows[here] - starts[number], here))
    gather(parts, taken)
    return taken


def widened(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Finite (n, d) float16 or float32 rows as float32, exactly; halves in less than half the time that
    NumPy's own conversion takes.
    """
    import numpy as np

    if rows.dtype != np.float16 or not rows.flags.c_contiguous:
        return rows.astype(np.float32, copy=False)
    bits, wide = rows.view(np.int16), np.empty(rows.shape, np.int32)
    for at in range(0, len(rows), WIDENED_ROWS):
        values = shifted(bits[at : at + WIDENED_ROWS], wide[at : at + WIDENED_ROWS])
        np.multiply(values, np.float32(2.0**HALF_BIAS), out=values)
    return wide.view(np.float32)
