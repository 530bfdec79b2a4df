"""The last step of every change to an index: shards, statistics, items, then the manifest.

Until the manifest is replaced the previous index is whole; afterwards what it alone used is
deleted.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .contract import EncoderId
from .errors import GalleryError, Problem
from .files import FileEntry, npy_chunks, store_file
from .items import Item, write_items
from .manifest import Failed, Manifest, Mapped, Parts, read_manifest, rows_hash, write_manifest
from .own import is_named, is_proven

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PENDING = ".pending"
SHARD_ROWS = 262_144
BLOCK_ROWS = 4096
BLOCK_NUMBERS = 1 << 23  # of rows that are long, fewer: 16 MB of halves


@dataclass(frozen=True)
class Content:
    """What the next index holds: its items in row order, and where their vectors come from.

    ``gather(start, stop)`` gives rows ``start..stop`` as (n, d); ``kept`` is the previous manifest
    when the rows are exactly its own, so that shards and statistics need not be written again.
    With ``parts`` the rows are those of a region side, ``codebook`` is that of its codes, (M, 256, w),
    and no statistics are kept.
    """

    encoder: EncoderId
    dimension: int
    dtype: str
    items: Sequence[Item]
    failed: tuple[Failed, ...]
    roots: tuple[str, ...]
    gather: Callable[[int, int], NDArray[Any]]
    kept: Manifest | None = None
    source: str = ""
    unread: tuple[Problem, ...] = ()
    left_out: tuple[tuple[str, int], ...] = ()
    parts: Parts | None = None
    codebook: NDArray[np.float32] | None = None
    mapped: Mapped | None = None
    videos: int = 0


def write_index(folder: Path, content: Content) -> Manifest:
    """Make ``content`` the index in ``folder``, in one step. Raises ``OSError``."""
    workspace = folder / PENDING
    workspace.mkdir(exist_ok=True)
    former = None
    with suppress(GalleryError):
        former = read_manifest(folder)
    rows = len(content.items)
    if content.kept:
        shards, stats = content.kept.shards, content.kept.stats
    else:
        moments = Moments(0 if content.parts else content.dimension)
        shards = tuple(_write_shards(folder, workspace, content, moments))
        stats = store_file(folder, workspace, "stats", ".npz", rows, [moments.npz()])
    manifest = Manifest(
        encoder=content.encoder,
        dimension=content.dimension,
        dtype=content.dtype,
        count=rows,
        shards=shards,
        items=store_file(folder, workspace, "items", ".parquet", rows, write_items(content.items)),
        stats=stats,
        failed=content.failed,
        roots=content.roots,
        rows_sha256=rows_hash((item.id, item.content_hash) for item in content.items),
        source=content.source,
        unread=content.unread,
        left_out=content.left_out,
        parts=_parts(folder, workspace, content),
        mapped=content.mapped,
        videos=content.videos,
    )
    write_manifest(folder, workspace, manifest)
    tidy(folder, manifest, former)
    return manifest


class Names(Protocol):
    """A manifest: of an index, or of a compressed form."""

    def files(self) -> tuple[FileEntry, ...]:
        """The files that it needs."""


def tidy(folder: Path, manifest: Names, former: Names | None = None) -> None:
    """Delete what no manifest needs: the workspace, and files of earlier or unfinished builds.

    Only what ``former`` names, the manifest before, or what is called by its own contents.
    """
    named = {entry.file for entry in former.files()} if former else set()
    for path in leftovers(folder, manifest):
        if path.name == PENDING:
            shutil.rmtree(path, ignore_errors=True)
        elif path.name in named or is_proven(path):
            with suppress(FileNotFoundError):
                path.unlink()


def leftovers(folder: Path, manifest: Names) -> list[Path]:
    """What `tidy` looks at."""
    needed = {entry.file for entry in manifest.files()}
    if isinstance(manifest, Manifest) and manifest.mapped:  # pictures that the exact index goes on from
        needed.add(PENDING)
    found = [path for path in folder.iterdir() if is_named(path.name) and path.name not in needed]
    pending = (folder / PENDING).is_dir() and PENDING not in needed
    return found + [folder / PENDING] * pending


def _parts(folder: Path, workspace: Path, content: Content) -> Parts | None:
    """The parts, with the codebook where it was written."""
    pieces, parts = content.codebook, content.parts
    if parts is None or pieces is None:
        return parts
    flat = pieces.reshape(-1, pieces.shape[-1])
    chunks = npy_chunks(*flat.shape, "float32", [flat])
    return replace(parts, codebook=store_file(folder, workspace, "codebook", ".npy", len(flat), chunks))


def _write_shards(folder: Path, workspace: Path, content: Content, moments: Moments) -> Iterator[FileEntry]:
    for start in range(0, len(content.items), SHARD_ROWS):
        stop = min(start + SHARD_ROWS, len(content.items))
        blocks = _blocks(content, start, stop, moments)
        chunks = npy_chunks(stop - start, content.dimension, content.dtype, blocks)
        yield store_file(folder, workspace, "vectors", ".npy", stop - start, chunks)


def _blocks(content: Content, start: int, stop: int, moments: Moments) -> Iterator[NDArray[Any]]:
    rows = max(1, min(BLOCK_ROWS, BLOCK_NUMBERS // content.dimension))
    for at in range(start, stop, rows):
        block = content.gather(at, min(at + rows, stop)).astype(content.dtype, copy=False)
        if not content.parts:
            # of the stored, rounded rows: calibration must match what a search multiplies
            moments.add(block)
        yield block


class Moments:
    """Mean and covariance of rows that come in blocks.

    A row of zeros (an item without a caption) is not counted: it would say how many captions are
    missing, and not how captions are spread.
    """

    def __init__(self, dimension: int) -> None:
        import numpy as np

        self.count = 0
        self.total = np.zeros(dimension, np.float64)
        self.products = np.zeros((dimension, dimension), np.float64)

    def add(self, block: NDArray[Any]) -> None:
        """Take (n, d) rows."""
        import numpy as np

        # float32 products of a block (fast), summed over blocks in float64 (exact enough)
        rows = block.astype(np.float32)
        self.count += int(np.count_nonzero(rows.any(axis=1)))
        self.total += rows.sum(axis=0, dtype=np.float64)
        self.products += rows.T @ rows

    def result(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """mu (d,) and sigma (d, d), the latter divided by the number of rows."""
        import numpy as np

        mu = self.total / max(1, self.count)
        return mu, self.products / max(1, self.count) - np.outer(mu, mu)

    def npz(self) -> bytes:
        """Both as the bytes of an ``.npz`` file."""
        import numpy as np

        mu, sigma = self.result()
        buffer = io.BytesIO()
        np.savez(buffer, mu=mu, sigma=sigma)
        return buffer.getvalue()
