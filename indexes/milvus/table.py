"""The collection that holds items and vectors, a partition per gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import GalleryError, IndexIncompatible

if TYPE_CHECKING:
    from .server import Server

VECTOR = "vector"
METRIC = "IP"
TEXTS = {"id": 65_535, "path": 65_535, "path_bytes": 65_535, "content_hash": 64, "caption": 65_535}
NUMBERS = ("size", "mtime_ns")
FIELDS = (*TEXTS, *NUMBERS)
ANOTHER = "name another collection: milvus://HOST:PORT/COLLECTION or FILE.db/COLLECTION"


def make_table(server: Server, width: int) -> None:
    """Make the collection for vectors (width,), and the gallery's partition, where they are not there."""
    from pymilvus import DataType, MilvusClient

    address = server.address
    if not server.ask("has_collection", collection_name=address.collection):
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        for name, length in TEXTS.items():
            schema.add_field(name, DataType.VARCHAR, max_length=length)
        for name in NUMBERS:
            schema.add_field(name, DataType.INT64)
        schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=width)
        index = MilvusClient.prepare_index_params()
        index.add_index(VECTOR, index_name=VECTOR, index_type=address.index, metric_type=METRIC)
        for name in ("id", "path", "content_hash"):
            index.add_index(name, index_name=name, index_type="INVERTED")
        server.ask(
            "create_collection", collection_name=address.collection, schema=schema, index_params=index
        )
    check_table(server, width)
    partition = {"collection_name": address.collection, "partition_name": address.gallery}
    if not server.ask("has_partition", **partition):
        server.ask("create_partition", **partition)
    server.ask("load_collection", collection_name=address.collection)


def check_table(server: Server, width: int) -> None:
    """Raises GalleryError for a collection of something else, of another dimension or another metric."""
    name = server.address.collection
    fields = server.ask("describe_collection", collection_name=name)["fields"]
    known = {field["name"]: field for field in fields}
    if not {"row", VECTOR, *FIELDS} <= set(known):
        raise GalleryError(f"the collection {name} holds something else than a gallery", ANOTHER)
    found = int(known[VECTOR]["params"]["dim"])
    if found != width:
        raise IndexIncompatible(
            f"the collection {name} holds vectors of {found} numbers, not of {width} "
            "(a gallery with captions has twice as many)",
            ANOTHER,
        )
    index = server.ask("describe_index", collection_name=name, index_name=VECTOR) or {}
    metric = index.get("metric_type")
    if metric != METRIC:
        raise IndexIncompatible(f"the collection {name} compares by {metric}, not by {METRIC}", ANOTHER)
