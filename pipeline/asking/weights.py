"""What identifies the weights of an engine that lie in files: a hash of their contents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..machine import models
from ..records.keys import content_key, file_hash

if TYPE_CHECKING:
    from ..engines.contract import EngineSpec
    from .cache import Cache


def contents(spec: EngineSpec, cache: Cache | None = None) -> str:
    """The hash of the weights of an engine whose model is a file or a folder; "" for any other.

    That of a folder is remembered in the cache, where there is one, for as long as no file of it changes.
    Raises ModelError for a path where nothing is.
    """
    path = Path(spec.model)
    if path.is_file():
        return file_hash(path)
    folder = models.local_folder(spec.model)
    if folder is None:
        return ""
    return _remembered(folder, cache) if cache else models.fingerprint(folder)


def _remembered(folder: Path, cache: Cache) -> str:
    key = content_key(kind="fingerprint", stamp=models.stamp(folder))
    known = cache.fact(key)
    if known is None:
        known = {"fingerprint": models.fingerprint(folder)}
        cache.put_fact(key, known)
    return str(known["fingerprint"])
