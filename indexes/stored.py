"""Vectors and items of one folder, opened for reading: of an index, or of a side beside its pictures.

Opening checks sizes and shapes and holds every file open, so a build that replaces the index does
not pull files away from a reader. No pickle anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .contract import EncoderId
from .errors import IndexDamaged
from .items import Item, ItemTable
from .manifest import Manifest, check_encoder, read_manifest, rows_hash
from .remote import as_address
from .shards import damaged, open_bytes, open_shard, read_stats, take_rows, widened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .compressed import Compressed


class Stored:
    """Vectors and items, row by row; made by ``open``."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._shards = [open_shard(folder, manifest, entry) for entry in manifest.shards]
        self._items_bytes = open_bytes(folder, manifest, manifest.items)
        self._stats_bytes = open_bytes(folder, manifest, manifest.stats)
        if sum(map(len, self._shards)) != manifest.count or manifest.items.rows != manifest.count:
            raise self.damaged("counts disagree")

    @classmethod
    def open(cls, folder: str | os.PathLike[str], encoder_fingerprint: str | None = None) -> Self:
        """The index in ``folder``; cheap, no vector is read.

        Raises ``IndexMissing``, ``IndexDamaged``, or ``IndexIncompatible`` for a newer format or
        when ``encoder_fingerprint`` is given and is not that of the vectors.
        """
        place = Path(folder)
        manifest = read_manifest(place)
        while True:
            try:
                index = cls(place, manifest)
                break
            except IndexDamaged:
                # a build may have replaced the index between its manifest and its shards
                earlier, manifest = manifest, read_manifest(place)
                if manifest == earlier:
                    raise
        if encoder_fingerprint is not None:
            check_encoder(index.manifest, place, encoder_fingerprint)
        return index

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.manifest.count

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return self.manifest.dimension

    def vectors(self) -> list[NDArray[Any]]:
        """The memory-mapped shards, (rows, d) each, in row order."""
        return list(self._shards)

    def take(self, rows: Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
        """(n, d) float32 of these rows, in the order they are named. ``IndexError`` for others."""
        return widened(self.stored(rows))

    def stored(self, rows: Sequence[int] | NDArray[Any]) -> NDArray[Any]:
        """As ``take``, in the dtype they lie in."""
        import numpy as np

        wanted = np.asarray(rows, np.int64)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < self.count:
            raise IndexError(f"rows {wanted.min()} to {wanted.max()} of {self.count}")
        return take_rows(self._shards, wanted)

    @property
    def identity(self) -> EncoderId:
        """The encoder of the vectors."""
        return self.manifest.encoder

    @cached_property
    def compressed(self) -> Compressed | None:
        """Its compressed form; None without one that fits, which is said where there is one."""
        from .compressed import open_fitting

        return open_fitting(self)

    @property
    def roots(self) -> Sequence[str]:
        """The folders that it was made of."""
        return self.manifest.roots

    @property
    def videos(self) -> int:
        """How many rows each video has, each of a frame; 0 where videos are passed over."""
        return self.manifest.videos

    @property
    def captioned(self) -> int:
        """Number of items that have a caption."""
        return self._table.captioned()

    @cached_property
    def rows_sha256(self) -> str:
        """What the ids and contents are, row by row; see ``manifest.rows_hash``."""
        return self.manifest.rows_sha256 or rows_hash(
            (item.id, item.content_hash) for item in self.all_items()
        )

    @property
    def mu(self) -> NDArray[np.float64]:
        """The mean of the rows, (d,)."""
        return self._stats[0]

    @property
    def sigma(self) -> NDArray[np.float64]:
        """The covariance of the rows (divided by their number), (d, d)."""
        return self._stats[1]

    def items(self, rows: Sequence[int]) -> list[Item]:
        """The items of ``rows``, in that order; reads only their row groups."""
        return self._table.items(rows)

    def page(self, skip: int, count: int) -> list[Item]:
        """At most ``count`` items after the first ``skip``, in row order."""
        return self.items(range(skip, min(skip + count, self.count)))

    def all_items(self) -> Iterator[Item]:
        """Every item, in row order, a row group at a time."""
        return self._table.all()

    def columns(self, names: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
        """The values of these columns of the item table, a row group at a time, in row order."""
        return self._table.columns(names)

    def row_of(self, path_or_id: str | os.PathLike[str]) -> int | None:
        """The row of an item id or, failing that, of a file's path; None when not in the index."""
        name = os.fspath(path_or_id)
        if isinstance(path_or_id, str):
            rows = self._table.rows_where("id", name)
            if rows:
                return rows[0]
        there = as_address(name)
        for path in dict.fromkeys((there,) if there else (os.path.abspath(name), os.path.realpath(name))):
            rows = self._table.rows_of_path(path)
            if rows:
                return rows[0]
        return None

    def rows_of_hash(self, content_hash: str) -> list[int]:
        """The rows whose files have this SHA-256 (hexadecimal); several when files are equal."""
        return self._table.rows_where("content_hash", bytes.fromhex(content_hash))

    @cached_property
    def _table(self) -> ItemTable:
        try:
            table = ItemTable(self._items_bytes)
        except (OSError, ValueError) as error:  # pyarrow's errors are both
            raise self.damaged(f"{self.manifest.items.file} is no Parquet file") from error
        if len(table) != self.count:
            raise self.damaged("counts disagree")
        return table

    @cached_property
    def _stats(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return read_stats(self.folder, self.manifest, self._stats_bytes)

    def damaged(self, what: str) -> IndexDamaged:
        """The error that says so, with the command that rebuilds this index."""
        return damaged(self.folder, self.manifest, what)
