"""An index, brought to Milvus: what is not there is sent, what is no longer in the index is taken out.

The key of a row is made of all that is kept of an item: its id, its content hash, where and when its file
was, its captions, the encoder. So what is there already is known by its key, a push that was killed goes on
where it was, and one of what is there sends nothing. While it runs the gallery says that it is not whole.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..contract import CAPTIONS, PICTURES
from ..errors import GalleryError, IndexIncompatible, readable
from ..shards import check_shards
from ..store import Index
from .about import About, make_about, read_about, write_about, write_statistics
from .address import name_of, read_address
from .server import Server
from .table import VECTOR, make_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..items import Item
    from ..stored import Stored

BATCH = 8 << 20  # bytes of vectors: a message of Milvus holds 64 MB, with the captions
LONGEST = 65_535  # bytes of a text


@dataclass(frozen=True)
class PushReport:
    """A gallery at ``address`` of ``items``: ``sent`` now, ``kept`` from before; ``removed`` of others."""

    address: str
    items: int
    sent: int
    kept: int
    removed: int
    seconds: float


def push(
    folder: Path, to: str | os.PathLike[str], on_progress: Callable[[int, int], None] | None = None
) -> PushReport:
    """Bring the index in ``folder`` to an address; the gallery is called as the folder where none is named.

    Raises what opening an index raises, and GalleryError for a server that is not reached, a collection
    that is no likebut's, or a gallery there of another encoder.
    """
    began = time.monotonic()
    index = Index.open(folder)
    if index.manifest.mapped:
        raise GalleryError(
            f"the rows of {folder} are mapped from another encoder's",
            "`likebut index build` makes them exact; then push them",
        )
    sides = _sides(index)
    address = read_address(to)
    server = Server(address.of(address.gallery or name_of(folder)), make=True)
    try:
        about = _about(index, sides)
        before = _make(server, about)
        news = _news(server, _keys(server.address.gallery, index, sides))
        if before != replace(about, whole=True) or len(news.rows) or len(news.gone):
            write_about(server, about)
            _bring(server, sides, news, on_progress)
            _end(server, about, sides)
    finally:
        server.close()
    sent, seconds = len(news.rows), time.monotonic() - began
    return PushReport(str(server.address), index.count, sent, index.count - sent, len(news.gone), seconds)


class _News(NamedTuple):
    """The ``keys`` of all rows, the ``rows`` that are to be sent, the keys of those that are ``gone``."""

    keys: NDArray[np.int64]
    rows: NDArray[Any]
    gone: NDArray[np.int64]


def _sides(index: Index) -> dict[str, Stored]:
    captions = index.caption_side
    sides: dict[str, Stored] = {PICTURES: index, **({CAPTIONS: captions} if captions else {})}
    for side in sides.values():
        check_shards(side.folder, side.manifest)
    return sides


def _about(index: Index, sides: dict[str, Stored]) -> About:
    made = index.manifest
    return About(
        made.encoder,
        made.dimension,
        made.dtype,
        made.count,
        tuple(sides),
        index.rows_sha256,
        made.roots,
        videos=made.videos,
    )


def _make(server: Server, about: About) -> About | None:
    """Make collections and partition; gives what the gallery was.

    Raises GalleryError where they are of something else.
    """
    make_table(server, about.width)
    make_about(server)
    there = read_about(server)
    if there and (there.encoder, there.sides) != (about.encoder, about.sides):
        raise IndexIncompatible(
            f"{server.address} is of encoder {there.encoder.name} {there.encoder.fingerprint[:12]} with "
            f"{' and '.join(there.sides)}; this index is of {about.encoder.name} "
            f"{about.encoder.fingerprint[:12]} with {' and '.join(about.sides)}",
            "name another gallery: …/COLLECTION/GALLERY",
        )
    return there


def _news(server: Server, keys: NDArray[np.int64]) -> _News:
    import numpy as np

    batches = list(server.each(["row"], size=10_000, consistency_level="Strong"))
    there = np.array([record["row"] for batch in batches for record in batch], np.int64)
    return _News(keys, np.flatnonzero(~np.isin(keys, there)), np.setdiff1d(there, keys))


def _bring(
    server: Server, sides: dict[str, Stored], news: _News, on_progress: Callable[[int, int], None] | None
) -> None:
    """Send what is new, then take out what is gone."""
    address = server.address
    place = {"collection_name": address.collection, "partition_name": address.gallery}
    step = max(1, BATCH // (4 * sum(side.dimension for side in sides.values())))
    kept = len(news.keys) - len(news.rows)
    for at in range(0, len(news.rows), step):
        rows = news.rows[at : at + step]
        server.ask("upsert", data=list(_records(rows, news.keys, sides)), **place)
        if on_progress:
            on_progress(kept + at + len(rows), len(news.keys))
    server.ask("flush", collection_name=address.collection)
    for at in range(0, len(news.gone), 10_000):
        server.ask("delete", ids=news.gone[at : at + 10_000].tolist(), **place)


def _end(server: Server, about: About, sides: dict[str, Stored]) -> None:
    """Keep the statistics, count, and say that the gallery is whole."""
    for name, side in sides.items():
        write_statistics(server, name, side)
    there = server.count(consistency_level="Strong")
    if there != about.count:
        raise GalleryError(f"{server.address} holds {there} of {about.count} items", "push it again")
    write_about(server, replace(about, whole=True))


def _records(
    rows: NDArray[Any], keys: NDArray[np.int64], sides: dict[str, Stored]
) -> Iterator[dict[str, Any]]:
    """What is kept of some rows."""
    import numpy as np

    vectors = np.concatenate([side.take(rows) for side in sides.values()], axis=1)
    wanted = [int(row) for row in rows]
    items = sides[PICTURES].items(wanted)
    said = sides.get(CAPTIONS, sides[PICTURES]).items(wanted)
    for row, item, told, vector in zip(wanted, items, said, vectors, strict=True):
        yield {
            "row": int(keys[row]),
            "id": _fitting(item, item.id),
            "path": readable(item.path),
            "path_bytes": os.fsencode(item.path).hex() if readable(item.path) != item.path else "",
            "content_hash": item.content_hash,
            "size": item.size,
            "mtime_ns": item.mtime_ns,
            "caption": _fitting(item, told.caption or ""),
            VECTOR: vector,
        }


def _fitting(item: Item, text: str) -> str:
    if len(text.encode()) > LONGEST:
        raise GalleryError(
            f"{item.id[:200]}: a text of Milvus holds {LONGEST} bytes", "shorten its caption"
        )
    return text


def _keys(gallery: str, index: Index, sides: dict[str, Stored]) -> NDArray[np.int64]:
    """(n,) the keys of the rows, in row order. Raises GalleryError where two items have one."""
    import numpy as np

    made = index.identity
    base = repr((gallery, made.fingerprint, made.preprocessing, index.manifest.dtype, tuple(sides)))
    said = (item.caption for item in sides.get(CAPTIONS, index).all_items())
    keys = np.empty(index.count, np.int64)
    for row, (item, caption) in enumerate(zip(index.all_items(), said, strict=True)):
        kept = (base, item.id, item.content_hash, item.path, item.size, item.mtime_ns, caption)
        digest = hashlib.sha256(repr(kept).encode("utf-8", "surrogateescape")).digest()
        keys[row] = int.from_bytes(digest[:8], "big") >> 1
    values, counts = np.unique(keys, return_counts=True)
    if len(values) != len(keys):
        same = np.flatnonzero(keys == values[counts > 1][0]).tolist()
        first, second = (item.id for item in index.items(same[:2]))
        raise GalleryError(f"{first} and {second} have the same key", "rename one of them")
    return keys
