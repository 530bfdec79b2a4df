"""What a build has encoded so far, kept in the index folder until the manifest takes it over.

Each finished batch is a pair of files: ``000007.npy`` with its vectors and then, by an atomic
rename, ``000007.json`` saying which contents and files they belong to. A killed build leaves at
most one batch without its JSON, and the next build goes on after the last complete one. The journal
of an encoder lies under its own key, so vectors of two encoders never mix.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .contract import EncoderId
from .files import load_npy, npy_chunks
from .manifest import Failed
from .scan import File

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .items import Item


class Place(NamedTuple):
    """Where a vector lies: batch number and row; batch -1 is the previous index."""

    batch: int
    row: int


class Stamp(NamedTuple):
    """What tells an unchanged file without reading it."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int = 0
    inode: int = 0

    @classmethod
    def of(cls, file: File | Item | Failed) -> Stamp:
        """The stamp of a file as it was scanned or is remembered."""
        return cls(file.path, file.size, file.mtime_ns, file.ctime_ns, file.inode)

    @property
    def key(self) -> tuple[str, int, int]:
        """What everybody has kept of a file."""
        return self[:3]

    def fits(self, other: Stamp, inodes: bool = True) -> bool:
        """Whether both are of one unchanged file, as far as both are known (0 is unknown)."""
        return (
            self.key == other.key
            and _alike(self.ctime_ns, other.ctime_ns)
            and not (inodes and not _alike(self.inode, other.inode))
        )


def _alike(one: int, other: int) -> bool:
    return one == other or not (one and other)


class Journal:
    """The batches under ``workspace`` for one encoder, read back and added to."""

    def __init__(self, workspace: Path, encoder: EncoderId, dimension: int, dtype: str) -> None:
        key = json.dumps([encoder.name, encoder.fingerprint, encoder.preprocessing, dimension, dtype])
        self.folder = workspace / hashlib.sha256(key.encode()).hexdigest()[:16]
        self.dimension, self.dtype = dimension, dtype
        self.places: dict[str, Place] = {}
        self.hashes: dict[tuple[str, int, int], tuple[Stamp, str]] = {}
        self._next = 0
        self._load = lru_cache(maxsize=64)(self._batch)
        self.folder.mkdir(parents=True, exist_ok=True)
        for other in workspace.iterdir():
            if other != self.folder:  # another encoder's, or a file a killed build was writing
                shutil.rmtree(other) if other.is_dir() else other.unlink()
        for path in sorted(self.folder.glob("*.json")):
            self._read(path)

    def add(self, vectors: NDArray[Any], entries: Sequence[tuple[str, Stamp]]) -> None:
        """Keep one batch: (n, d) ``vectors`` and the content hash and stamp of each row."""
        number, self._next = self._next, self._next + 1
        # no fsync: a killed process loses nothing, and after a power cut a torn batch is redone
        with self._path(number, ".npy").open("wb") as file:
            for chunk in npy_chunks(len(vectors), self.dimension, self.dtype, [vectors]):
                file.write(chunk)
        draft = self._path(number, ".draft")
        draft.write_text(json.dumps(entries), encoding="ascii")
        os.replace(draft, self._path(number, ".json"))
        self._take(number, entries)

    def vectors(self, batch: int) -> NDArray[Any]:
        """The vectors of one batch, memory-mapped."""
        return self._load(batch)

    def _take(self, number: int, entries: Sequence[tuple[str, Stamp]]) -> None:
        for row, (content_hash, stamp) in enumerate(entries):
            self.places[content_hash] = Place(number, row)
            self.hashes[Stamp(*stamp).key] = Stamp(*stamp), content_hash

    def _read(self, path: Path) -> None:
        """Take a finished batch; one that a power cut tore is passed over, and done again."""
        number = int(path.stem)
        self._next = max(self._next, number + 1)
        try:
            entries = json.loads(path.read_text(encoding="ascii"))
            if self._batch(number).shape != (len(entries), self.dimension):
                return
            self._take(number, entries)
        except (OSError, ValueError, TypeError):
            return

    def _batch(self, number: int) -> NDArray[Any]:
        return load_npy(self._path(number, ".npy"))

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number:06d}{suffix}"
