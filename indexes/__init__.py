"""Gallery indexes: vectors and items of a folder of pictures, on disk, built, kept and searched.

Knows pictures, vectors and items; nothing of prompts or models (an encoder is handed in, see
``contract``), and never imports ``pipeline``. Importing this package costs nothing: names load on
use.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "BadImage": "indexes.errors",
    "BuildReport": "indexes.build",
    "DiskFull": "indexes.errors",
    "GalleryError": "indexes.errors",
    "ImageEncoder": "indexes.contract",
    "Index": "indexes.store",
    "IndexBusy": "indexes.errors",
    "IndexDamaged": "indexes.errors",
    "IndexIncompatible": "indexes.errors",
    "IndexMissing": "indexes.errors",
    "IndexStale": "indexes.errors",
    "Item": "indexes.items",
    "NoImages": "indexes.errors",
    "NotWritable": "indexes.errors",
    "Scan": "indexes.scan",
    "VerifyReport": "indexes.maintain",
    "build_index": "indexes.build",
    "info": "indexes.maintain",
    "load_image": "indexes.decode",
    "refresh": "indexes.refresh",
    "remove": "indexes.maintain",
    "verify": "indexes.maintain",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'indexes' has no attribute {name!r}")
    attribute = "build" if name == "build_index" else name
    return getattr(import_module(_HOMES[name]), attribute)
