"""What in a folder is an index's own: nothing else is ever replaced or deleted.

Files of an index are called by their contents (``vectors-<16 hexadecimal digits of SHA-256>.npy``),
so a file can show that it is one. A folder is an index's own if it is new, empty, has a manifest that
holds its own checksum, or has nothing in it but what is called as an index calls it.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from .errors import GalleryError, readable
from .files import sha256_of
from .seal import MANIFEST, is_sealed

_NAMED = re.compile(
    r"(?:(?:vectors|codebook|keys|rows)-([0-9a-f]{16})\.npy|items-([0-9a-f]{16})\.parquet"
    r"|stats-([0-9a-f]{16})\.npz|(?:compressed|ranks)-([0-9a-f]{16})\.faiss)"
)
_STEMS = ("vectors.npy", "codebook.npy", "keys.npy", "rows.npy", "items.parquet", "stats.npz")
_DRAFTS = frozenset((*_STEMS, "compressed.faiss", "ranks.faiss", MANIFEST))
_ASIDE = re.compile(r"captions\.damaged(-\d+)?")  # see ``rescue``
_KEY = re.compile(r"[0-9a-f]{16}")
_SIDES, _PENDING, _LOCK = ("captions", "regions", "compressed"), ".pending", ".lock"
_SHOWN = 3


def is_named(name: str) -> bool:
    """Whether a file is called as the files of an index are."""
    return _NAMED.fullmatch(name) is not None


def is_proven(path: Path) -> bool:
    """Whether a file has the contents that its name says; reads it."""
    match = _NAMED.fullmatch(path.name)
    if match is None:
        return False
    try:
        return sha256_of(path).startswith(next(part for part in match.groups() if part))
    except OSError:
        return False


def check_own(folder: Path) -> None:
    """Raises ``GalleryError`` where ``folder`` is neither new, empty, nor an index's own."""
    others = foreign(folder)
    if others:
        names = ", ".join(readable(name) for name in others[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise GalleryError(
            f"{folder} is no index: {names}{more} in it is not of one",
            "name a new folder for the index; nothing in this one was changed",
        )


def foreign(folder: Path) -> list[str]:
    """What in ``folder`` is not an index's; nothing where the folder is its own."""
    if not folder.is_dir() or _has_manifest(folder):
        return []
    names = sorted(os.listdir(folder))
    known = [name for name in names if is_named(name)]
    others = [name for name in names if not is_named(name) and not _is_other(folder, name)]
    if MANIFEST in names and not known and not _is_torn(folder / MANIFEST):
        others.append(MANIFEST)
    return others


def _has_manifest(folder: Path) -> bool:
    """Whether the manifest shows by its own checksum that an index wrote it, of whatever format."""
    try:
        return is_sealed(json.loads((folder / MANIFEST).read_bytes().decode("ascii")))
    except (OSError, ValueError, RecursionError):
        return False


def _is_torn(path: Path) -> bool:
    """Whether a manifest without any other file is one that was damaged: it names an index's files."""
    try:
        text = path.read_bytes()
    except OSError:
        return False
    return b'"rows_sha256"' in text or b'"format_version"' in text


def _is_other(folder: Path, name: str) -> bool:
    """Whether an index puts such a thing beside its files."""
    path = folder / name
    if name in _SIDES or _ASIDE.fullmatch(name):
        return path.is_dir() and not foreign(path)
    if name == _PENDING:
        return path.is_dir() and all(
            entry.name in _DRAFTS or (entry.is_dir() and _KEY.fullmatch(entry.name))
            for entry in path.iterdir()
        )
    return name in (MANIFEST, _LOCK)
