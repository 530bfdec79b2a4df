"""Gallery indexes: vectors and items of a folder of pictures, on disk, built, kept and searched.

Knows pictures, vectors and items; nothing of prompts or models (an encoder is handed in, see
``contract``), and never imports ``pipeline``. Importing this package costs nothing: names load on
use.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "BadImage": "likebut.indexes.errors",
    "BuildReport": "likebut.indexes.build",
    "DiskFull": "likebut.indexes.errors",
    "GalleryError": "likebut.indexes.errors",
    "ImageEncoder": "likebut.indexes.contract",
    "Index": "likebut.indexes.store",
    "IndexBusy": "likebut.indexes.errors",
    "IndexDamaged": "likebut.indexes.errors",
    "IndexIncompatible": "likebut.indexes.errors",
    "IndexMissing": "likebut.indexes.errors",
    "IndexStale": "likebut.indexes.errors",
    "Item": "likebut.indexes.items",
    "NoImages": "likebut.indexes.errors",
    "NotWritable": "likebut.indexes.errors",
    "Scan": "likebut.indexes.scan",
    "VerifyReport": "likebut.indexes.maintain",
    "build_index": "likebut.indexes.build",
    "info": "likebut.indexes.maintain",
    "load_image": "likebut.indexes.decode",
    "refresh": "likebut.indexes.refresh",
    "remove": "likebut.indexes.maintain",
    "verify": "likebut.indexes.maintain",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'likebut.indexes' has no attribute {name!r}")
    attribute = "build" if name == "build_index" else name
    return getattr(import_module(_HOMES[name]), attribute)
