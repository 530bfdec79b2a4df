"""What a gallery in Milvus is, in the collection ``NAME__about``: readable without a vector.

A record is a piece of text by a key: ``GALLERY`` is JSON with encoder, dimension, dtype, count, sides, and
whether the push was ended; ``GALLERY/SIDE/N`` are the N-th 60,000 letters of the base64 of the side's mean
(d,) and covariance (d, d), float64, so that scores are calibrated as over the index that was pushed.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..contract import EncoderId
from ..errors import EXIT_USAGE, GalleryError, IndexIncompatible, IndexMissing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..contract import Side
    from .server import Server

FORMAT = 1
SUFFIX = "__about"
PIECE = 60_000  # letters: a text of Milvus holds 65,535 bytes
AT_ONCE = 200  # records


@dataclass(frozen=True)
class About:
    """A gallery: ``sides`` lie in this order in a vector, ``dimension`` is of one; ``whole``: pushed to the
    end.
    """

    encoder: EncoderId
    dimension: int
    dtype: str
    count: int
    sides: tuple[str, ...]
    rows_sha256: str
    roots: tuple[str, ...] = ()
    whole: bool = False
    format: int = FORMAT
    videos: int = 0

    @property
    def width(self) -> int:
        """Length of a vector of all sides."""
        return self.dimension * len(self.sides)


def write_about(server: Server, about: About) -> None:
    """Keep what the gallery of the server's address is."""
    content = asdict(about)
    if not about.videos:  # which an older likebut does not know
        del content["videos"]
    _write(server, {server.address.gallery: json.dumps(content, sort_keys=True)})


def read_about(server: Server) -> About | None:
    """What the gallery is; None where it was never pushed. Raises IndexIncompatible for a newer format."""
    found = _read(server, [server.address.gallery])
    if not found:
        return None
    content: dict[str, Any] = json.loads(found[server.address.gallery])
    if content["format"] != FORMAT:
        raise IndexIncompatible(
            f"{server.address} has format {content['format']}; this likebut reads {FORMAT}",
            "update likebut",
        )
    content["encoder"] = EncoderId(**content["encoder"])
    return About(**{**content, "sides": tuple(content["sides"]), "roots": tuple(content["roots"])})


def galleries(server: Server) -> list[str]:
    """The galleries of the collection, by name."""
    name = server.address.collection + SUFFIX
    if not server.ask("has_collection", collection_name=name):
        return []
    server.ask("load_collection", collection_name=name)
    batches = server.each(["key"], 'not (key like "%/%")', collection_name=name, partition_names=None)
    return sorted(record["key"] for batch in batches for record in batch)


def write_statistics(server: Server, name: str, side: Side) -> None:
    """Keep mean and covariance of a side."""
    import numpy as np

    whole = np.concatenate([side.mu[None], side.sigma]).astype("<f8")
    text = base64.b64encode(whole.tobytes()).decode()
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    _write(server, {_key(server, name, number): piece for number, piece in enumerate(pieces)})


def read_statistics(
    server: Server, name: str, dimension: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (d,) and covariance (d, d) of a side. Raises GalleryError where a piece is gone."""
    import numpy as np

    letters = -(-dimension * (dimension + 1) * 8 // 3) * 4
    keys = [_key(server, name, number) for number in range(-(-letters // PIECE))]
    found = _read(server, keys)
    text = "".join(found.get(key, "") for key in keys)
    if len(text) != letters:
        raise GalleryError(
            f"{server.address} has lost statistics of its {name}",
            f"push it again: likebut index push GALLERY.index --to {server.address}",
        )
    whole = np.frombuffer(base64.b64decode(text), "<f8").reshape(dimension + 1, dimension)
    return whole[0], whole[1:]


def make_about(server: Server) -> None:
    """Make the collection, where it is not there."""
    from pymilvus import DataType, MilvusClient

    name = server.address.collection + SUFFIX
    if server.ask("has_collection", collection_name=name):
        server.ask("load_collection", collection_name=name)
        return
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=512)
    schema.add_field("text", DataType.VARCHAR, max_length=65_535)
    schema.add_field("unused", DataType.FLOAT_VECTOR, dim=2)  # a collection has a vector
    index = MilvusClient.prepare_index_params()
    index.add_index("unused", index_type="FLAT", metric_type="IP")
    server.ask("create_collection", collection_name=name, schema=schema, index_params=index)


def opened(server: Server) -> tuple[Server, About]:
    """The server at the gallery that is meant, and what it is.

    Raises IndexMissing for a collection or gallery that is not there, GalleryError for several galleries
    where none is named, and for one that was not pushed to the end.
    """
    address = server.address
    names = galleries(server)
    if not names:
        raise IndexMissing(f"no gallery in {address}", _there(server))
    if not address.gallery and len(names) > 1:
        known = ", ".join(str(address.of(name)) for name in names)
        raise GalleryError(f"{address} holds several galleries", f"name one: {known}", EXIT_USAGE)
    server.address = address.of(address.gallery or names[0])
    about = read_about(server)
    if about is None:
        raise IndexMissing(f"no gallery {address.gallery} in {address}", f"there are: {', '.join(names)}")
    if not about.whole:
        raise GalleryError(
            f"{server.address} was not pushed to the end",
            f"run its `likebut index push … --to {server.address}` again: it goes on where it was",
        )
    return server, about


def _there(server: Server) -> str:
    """The collections with galleries, for whoever named another one."""
    names = [str(name) for name in server.ask("list_collections")]
    made = sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
    push = f"likebut index push GALLERY.index --to {server.address}"
    return f"there are: {', '.join(made)}" if made else f"push one: {push}"


def _key(server: Server, side: str, number: int) -> str:
    return f"{server.address.gallery}/{side}/{number}"


def _write(server: Server, texts: dict[str, str]) -> None:
    records = [{"key": key, "text": text, "unused": [0.0, 0.0]} for key, text in texts.items()]
    name = server.address.collection + SUFFIX
    for at in range(0, len(records), AT_ONCE):
        server.ask("upsert", collection_name=name, data=records[at : at + AT_ONCE])
    server.ask("flush", collection_name=name)


def _read(server: Server, keys: list[str]) -> dict[str, str]:
    name = server.address.collection + SUFFIX
    found: dict[str, str] = {}
    for at in range(0, len(keys), AT_ONCE):
        wanted = json.dumps(keys[at : at + AT_ONCE])
        # what a push was told last is what is read, whatever is said of the vectors
        given = {"collection_name": name, "partition_names": None, "consistency_level": "Strong"}
        rows = server.query(f"key in {wanted}", ["key", "text"], **given)
        found |= {row["key"]: row["text"] for row in rows}
    return found
