"""The items of an index: who stands behind each row, in Parquet, read a row group at a time.

Columns: ``id`` and ``path`` are text with ``\\xNN`` for bytes that are not UTF-8; where ``path``
has such bytes, ``path_bytes`` holds the name as it is, else null. ``content_hash`` is the SHA-256
of the file (32 bytes), ``size`` in bytes, ``mtime_ns``, ``ctime_ns`` and ``inode`` (0, or no such
column in an older index: unknown), ``caption`` null where there is none. Rows
ascend by id, so the statistics of the row groups find an id in one of them.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice
from threading import Lock
from typing import Any

from .columns import places
from .errors import readable
from .sink import Sink

GROUP_ROWS = 8192
KEPT_GROUPS = 16  # about 2 MB each
KEPT_COLUMNS = 32  # of one row group each, about 0.5 MB
KEPT_ITEMS = 32_768  # about 0.5 KB each
KEPT_FOUND = 4096  # names and hashes that were looked for


@dataclass(frozen=True)
class Item:
    """One row: ``path`` as the file system knows it, ``content_hash`` as 64 hexadecimal digits."""

    row: int
    id: str
    path: str
    content_hash: str
    caption: str | None = None
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0


def write_items(items: Iterable[Item]) -> Iterator[bytes]:
    """The bytes of the Parquet file that holds ``items`` in their order, made a row group at a time."""
    import pyarrow.parquet as pq

    sink, left = Sink(), iter(items)
    table = _table(tuple(islice(left, GROUP_ROWS)))
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        writer.write_table(table)  # without items, too: a table of none
        while group := tuple(islice(left, GROUP_ROWS)):
            yield sink.taken()
            writer.write_table(_table(group))
    yield sink.taken()


def _table(items: Sequence[Item]) -> Any:
    """These items as a table."""
    import pyarrow as pa

    shown = [readable(item.path) for item in items]
    odd = [
        os.fsencode(item.path) if text != item.path else None
        for item, text in zip(items, shown, strict=True)
    ]
    return pa.table(
        {
            "id": pa.array([item.id for item in items], pa.string()),
            "path": pa.array(shown, pa.string()),
            "path_bytes": pa.array(odd, pa.binary()),
            "content_hash": pa.array([bytes.fromhex(i.content_hash) for i in items], pa.binary(32)),
            "size": pa.array([item.size for item in items], pa.int64()),
            "mtime_ns": pa.array([item.mtime_ns for item in items], pa.int64()),
            "ctime_ns": pa.array([item.ctime_ns for item in items], pa.int64()),
            "inode": pa.array([item.inode for item in items], pa.uint64()),
            "caption": pa.array([item.caption for item in items], pa.string()),
        }
    )


class ItemTable:
    """A Parquet file of items in ``data`` (a memory map); row groups are read as they are asked
    for. Many threads may ask at once.
    """

    def __init__(self, data: Any) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(data)))
        self._meta = self._file.metadata
        self._starts = [0]
        for group in range(self._meta.num_row_groups):
            self._starts.append(self._starts[-1] + self._meta.row_group(group).num_rows)
        self._columns = {name: i for i, name in enumerate(self._file.schema_arrow.names)}
        # The same few items are hits of many queries, and opening a row takes longer than ranking it.
        self._read = _one_at_a_time(self._file.read_row_group)
        read = lru_cache(KEPT_GROUPS)(self._read)
        self._column = lru_cache(KEPT_COLUMNS)(lambda group, name: self._read(group, columns=[name])[name])
        self._item = lru_cache(KEPT_ITEMS)(partial(_item, read, tuple(self._starts)))
        self._found: dict[tuple[str, str | bytes], tuple[int, ...]] = {}

    def __len__(self) -> int:
        return self._starts[-1]

    def items(self, rows: Sequence[int]) -> list[Item]:
        """The items of ``rows``, in that order. ``IndexError`` for a row that is not there."""
        for row in rows:
            if not 0 <= row < len(self):
                raise IndexError(f"row {row} of {len(self)}")
        return [self._item(row) for row in rows]

    def all(self) -> Iterator[Item]:
        """Every item, in row order."""
        for group, start in enumerate(self._starts[:-1]):
            columns = self._read(group).to_pydict()
            for at, values in enumerate(zip(*columns.values(), strict=True)):
                yield _from_values(dict(zip(columns, values, strict=True)), start + at)

    def columns(self, names: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
        """The values of these columns, a row group at a time, in row order."""
        for group in range(self._file.num_row_groups):
            yield self._read(group, columns=list(names)).to_pydict()

    def rows_where(self, column: str, value: str | bytes) -> list[int]:
        """The rows whose ``column`` equals ``value``; skips groups whose statistics deny it."""
        known = self._found.get((column, value))
        if known is not None:
            return list(known)
        rows: list[int] = []
        for group, start in enumerate(self._starts[:-1]):
            if self._may_hold(group, column, value):
                rows += [start + at for at in places(self._column(group, column), value)]
        if len(self._found) >= KEPT_FOUND:
            self._found.clear()
        self._found[column, value] = tuple(rows)
        return rows

    def captioned(self) -> int:
        """How many items have a caption, by the statistics of the row groups."""
        column = self._columns["caption"]
        groups = [self._meta.row_group(group) for group in range(self._meta.num_row_groups)]
        return len(self) - sum(int(group.column(column).statistics.null_count) for group in groups)

    def rows_of_path(self, path: str) -> list[int]:
        """The rows of the file that the system knows as ``path``."""
        shown = readable(path)
        rows = self.rows_where("path", shown)
        return [row for row in rows if self.items([row])[0].path == path]

    def _may_hold(self, group: int, column: str, value: str | bytes) -> bool:
        stats = self._meta.row_group(group).column(self._columns[column]).statistics
        if stats is None or not stats.has_min_max or type(stats.min) is not type(value):
            return True
        low: Any = stats.min
        return bool(low <= value <= stats.max)


def _one_at_a_time(read: Callable[..., Any]) -> Callable[..., Any]:
    """A reader for many threads: a Parquet file is for one (others get errors, or crash)."""
    lock = Lock()

    def locked(*given: Any, **named: Any) -> Any:
        with lock:
            return read(*given, **named)

    return locked


def _item(read_group: Callable[[int], Any], starts: Sequence[int], row: int) -> Item:
    group = bisect_right(starts, row) - 1
    line = read_group(group).slice(row - starts[group], 1).to_pydict()
    return _from_values({name: values[0] for name, values in line.items()}, row)


def _from_values(values: dict[str, Any], row: int) -> Item:
    odd = values["path_bytes"]
    return Item(
        row=row,
        id=values["id"],
        path=values["path"] if odd is None else os.fsdecode(odd),
        content_hash=values["content_hash"].hex(),
        caption=values["caption"],
        size=values["size"],
        mtime_ns=values["mtime_ns"],
        ctime_ns=values.get("ctime_ns") or 0,
        inode=values.get("inode") or 0,
    )
