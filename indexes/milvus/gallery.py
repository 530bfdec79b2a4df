"""A gallery in Milvus, as `contract.Gallery` says; vectors and items are fetched when they are asked for.

A row is the item's key, not its place: rows are any numbers up to 2⁶³, and stand in no order. What a search
found is kept, so that items and shares of the hits cost no further request.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn

from ..contract import PICTURES, EncoderId
from ..errors import EXIT_USAGE, GalleryError, IndexIncompatible, another_hint
from ..items import Item
from .about import About, opened
from .address import read_address
from .filters import Column, expression, text
from .server import Server
from .side import RemoteSide
from .table import FIELDS, VECTOR, check_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEPT = 8192  # rows whose vector and item are kept
AT_ONCE = 1000  # rows of one request
MOST = 16_384  # rows that Milvus goes over for one answer
FOUND = ["row", *FIELDS, VECTOR]


class Remote:
    """A gallery of a server; made by ``open_remote``. With ``only``, an expression, those items alone."""

    regions = None

    def __init__(self, server: Server, about: About, only: str = "") -> None:
        self.server, self.about, self.only = server, about, only
        self._known: OrderedDict[int, tuple[Item, NDArray[np.float32]]] = OrderedDict()
        self._lock = Lock()
        self._sides = {
            name: RemoteSide(self, name, at * about.dimension) for at, name in enumerate(about.sides)
        }

    @property
    def folder(self) -> Path:
        """Its address, as a path."""
        return Path(str(self.server.address))

    @property
    def identity(self) -> EncoderId:
        """The encoder of its vectors."""
        return self.about.encoder

    @property
    def videos(self) -> int:
        """How many rows each video has."""
        return self.about.videos

    @property
    def roots(self) -> Sequence[str]:
        """The folders that the index was made of."""
        return self.about.roots

    @cached_property
    def count(self) -> int:
        """Number of its items."""
        return self.server.count(self.only) if self.only else self.about.count

    @property
    def dimension(self) -> int:
        """Length of a vector of one side."""
        return self.about.dimension

    @property
    def mu(self) -> NDArray[np.float64]:
        """(d,) the mean of the pictures, all of them."""
        return self._sides[PICTURES].mu

    @property
    def sigma(self) -> NDArray[np.float64]:
        """(d, d) their covariance."""
        return self._sides[PICTURES].sigma

    def side(self, name: str) -> Remote | RemoteSide | None:
        """The side of this name; None where it has none."""
        return self if name == PICTURES else self._sides.get(name)

    def narrowed(self, conditions: Sequence[Column]) -> Remote:
        """The items that meet all conditions, by the server. Raises GalleryError where there are none."""
        found = Remote(self.server, self.about, expression(conditions))
        if not found.count:
            raise GalleryError(
                f"no picture of {self.server.address} meets all of --where", "loosen --where"
            )
        return found

    def vectors(self) -> NoReturn:
        """Raises GalleryError: what needs every vector is no work for a gallery elsewhere."""
        raise GalleryError(
            f"this needs every vector of the gallery, and {self.server.address} is in Milvus",
            "choose a recipe whose score folds (likebut recipes list), or name the local index",
            EXIT_USAGE,
        )

    def take(self, rows: Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
        """(n, d) of the pictures. ``IndexError`` for a row that is not there."""
        return self._sides[PICTURES].take(rows)

    def items(self, rows: Sequence[int]) -> list[Item]:
        """The items of these rows. ``IndexError`` for a row that is not there."""
        return [item for item, _ in self.fetched(rows)]

    def all_items(self) -> Iterator[Item]:
        """Every item, in no order."""
        for batch in self.server.each(["row", *FIELDS], self.only):
            yield from map(_item, batch)

    def columns(self, names: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
        """The values of these columns, a part of the items at a time, in the order of `all_items`."""
        for batch in self.server.each(list(names), self.only):
            yield {name: [record[name] for record in batch] for name in names}

    def page(self, skip: int, count: int) -> list[Item]:
        """At most ``count`` items after the first ``skip``, as the server has them; of the first 16,384."""
        count = max(0, min(count, MOST - skip))
        if not count:
            return []
        rows = self.server.query(self.only, ["row", *FIELDS], offset=skip, limit=count)
        return list(map(_item, rows))

    def row_of(self, path_or_id: str | os.PathLike[str]) -> int | None:
        """The row of an id or, failing that, of a file's path."""
        name = os.fspath(path_or_id)
        rows = self._rows_where("id", name) if isinstance(path_or_id, str) else []
        for path in dict.fromkeys((os.path.abspath(name), os.path.realpath(name))):
            rows = rows or self._rows_where("path", path)
        return rows[0] if rows else None

    def rows_of_hash(self, content_hash: str) -> list[int]:
        """The rows whose files have this SHA-256 (hexadecimal)."""
        return self._rows_where("content_hash", content_hash)

    def fetched(self, rows: Sequence[int] | NDArray[Any]) -> list[tuple[Item, NDArray[np.float32]]]:
        """Item and (D,) vector of all sides of these rows. ``IndexError`` for one that is not there."""
        wanted = [int(row) for row in rows]
        with self._lock:
            found = {row: self._known[row] for row in wanted if row in self._known}
        missing = [row for row in dict.fromkeys(wanted) if row not in found]
        for at in range(0, len(missing), AT_ONCE):
            part = ", ".join(map(str, missing[at : at + AT_ONCE]))
            found |= self.keep(self.server.query(f"row in [{part}]", FOUND))
        if gone := [row for row in missing if row not in found]:
            raise IndexError(f"row {gone[0]} is not in {self.server.address}")
        return [found[row] for row in wanted]

    def keep(self, records: Sequence[dict[str, Any]]) -> dict[int, tuple[Item, NDArray[np.float32]]]:
        """What a request brought, by row; it is kept for the next who asks."""
        import numpy as np

        found = {
            record["row"]: (_item(record), np.asarray(record[VECTOR], np.float32)) for record in records
        }
        with self._lock:
            self._known.update(found)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found

    def _rows_where(self, column: str, value: str) -> list[int]:
        with self._lock:
            known = [row for row, (item, _) in self._known.items() if getattr(item, column) == value]
        if known and column == "id":
            return known
        return [record["row"] for record in self.server.query(f"{column} == {text(value)}", ["row"])]


def open_remote(place: str | os.PathLike[str], encoder_fingerprint: str | None = None) -> Remote:
    """The gallery at an address; no vector is read.

    Raises GalleryError: for a package that is missing, a server that is not reached or too old, a
    collection or gallery that is not there, is not whole or of another form; IndexIncompatible where
    ``encoder_fingerprint`` is given and is not that of the vectors.
    """
    server, about = opened(Server(read_address(place)))
    check_table(server, about.width)
    made = about.encoder
    if encoder_fingerprint is not None and made.fingerprint != encoder_fingerprint:
        raise IndexIncompatible(
            f"{server.address} was made by encoder {made.name} {made.fingerprint[:12]}, "
            f"not by {encoder_fingerprint[:12]}",
            another_hint(about.roots),
        )
    server.ask("load_collection", collection_name=server.address.collection)
    return Remote(server, about)


def info(place: str | os.PathLike[str]) -> dict[str, Any]:
    """What a gallery is, for people."""
    gallery = open_remote(place)
    server, about = gallery.server, gallery.about
    return {
        "address": str(server.address),
        "server": server.version,
        "items": about.count,
        "there": server.count(),
        "sides": ", ".join(about.sides),
        "dimension": about.dimension,
        "dtype": about.dtype,
        "encoder": about.encoder.name,
        "encoder_fingerprint": about.encoder.fingerprint,
        "consistency": server.address.consistency,
        "roots": list(about.roots),
    }


def _item(record: dict[str, Any]) -> Item:
    odd = record["path_bytes"]
    return Item(
        row=record["row"],
        id=record["id"],
        path=os.fsdecode(bytes.fromhex(odd)) if odd else record["path"],
        content_hash=record["content_hash"],
        caption=record["caption"] or None,
        size=record["size"],
        mtime_ns=record["mtime_ns"],
    )
