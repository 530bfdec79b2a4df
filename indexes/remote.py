"""Galleries at addresses (``s3://bucket/folder``): listed and read through fsspec, whatever lies behind.

An address is a name like any other path in an index. What tells an unchanged object is its size, and
its time or its tag: the tag's hash stands where a file has its inode.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from time import time_ns
from typing import Any, NamedTuple

from .errors import EXIT_MODEL, EXIT_USAGE, GalleryError, first_line
from .videos import frame_of, read_frame

# two letters at least: a single one is a drive of Windows
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):/(/?)(?=.)")
_HERE = ("file", "local", "memory", "video")  # schemes whose addresses name no machine
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")
_TAGS = ("ETag", "etag", "md5Hash", "checksum")


class Entry(NamedTuple):
    """An object: its name below what was listed, its address, and what tells that it is unchanged.

    One that was named itself has no name below.
    """

    name: str
    address: str
    size: int
    mtime_ns: int
    tag: int


def as_address(path: str | os.PathLike[str]) -> str:
    """The address that a path is, with the slash that `pathlib` takes away; empty for a local path."""
    name = os.fspath(path)
    match = _ADDRESS.match(name)
    if match is None:
        return ""
    if match[2]:
        return name
    return f"{match[1]}://{name[match.end() - (match[1] in _HERE) :]}"


def absolute(root: str | os.PathLike[str]) -> str:
    """A root as an index keeps it: an address without the slash at its end, or an absolute path."""
    return as_address(root).rstrip("/") or os.path.abspath(root)


def is_elsewhere(path: str | os.PathLike[str]) -> bool:
    """Whether reading it may need a network."""
    return bool(address := as_address(path)) and address.partition(":")[0].lower() not in _HERE


def listed(root: str) -> list[Entry]:
    """Every object below an address, or the one that it names. Raises ``GalleryError``."""
    with _errors(root):
        system, base = _system(root)
        system.invalidate_cache()  # what another build of this process saw
        found: dict[str, Any] = system.find(base, detail=True)
        if not found and not system.exists(base):
            raise FileNotFoundError(base)
        whole = [(name, info) for name, info in found.items() if info.get("type") == "file"]
        return [_entry(system, base, name, info) for name, info in sorted(whole)]


def read(address: str) -> bytes:
    """All of an object, or a frame of a video. Raises ``GalleryError``."""
    if frame := frame_of(address):
        return read_frame(frame)
    with _errors(address):
        system, name = _system(address)
        data: bytes = system.cat_file(name)
        return data


def _system(address: str) -> tuple[Any, str]:
    """Where it lies, and its name there."""
    from fsspec.core import url_to_fs

    system, name = url_to_fs(address)
    return system, name.rstrip("/")


def _entry(system: Any, base: str, name: str, info: dict[str, Any]) -> Entry:
    below = name.removeprefix(base).lstrip("/")
    tag = next((str(info[key]) for key in _TAGS if info.get(key)), "")
    number = int.from_bytes(hashlib.sha256(tag.encode()).digest()[:8], "big") if tag else 0
    when = next((info[key] for key in _TIMES if info.get(key)), None)
    # of what has neither it cannot be said that it is unchanged: it is read each time
    mtime_ns = _nanoseconds(when) if when is not None else (0 if tag else time_ns())
    return Entry(below, system.unstrip_protocol(name), int(info.get("size") or 0), mtime_ns, number)


def _nanoseconds(when: Any) -> int:
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    if isinstance(when, datetime):
        when = when.timestamp()
    return round(float(when) * 10**9)


@contextmanager
def _errors(address: str) -> Iterator[None]:
    """What a file system leaks, and each of them leaks its own, as one line about ``address``."""
    scheme = address.partition(":")[0]
    try:
        yield
    except ImportError as error:
        raise GalleryError(
            f"{scheme}:// needs a package that is not here ({first_line(error)})",
            "pip install 'likebut[remote]' for s3://, else the package that is named",
            EXIT_MODEL,
        ) from error
    except FileNotFoundError as error:
        raise GalleryError(
            f"nothing lies at {address}", "check the bucket and the folder; names tell a from A"
        ) from error
    except Exception as error:
        if isinstance(error, ValueError) and "rotocol not known" in str(error):
            raise GalleryError(f"no way to read {scheme}://", "such as s3://", EXIT_USAGE) from error
        hint = ""
        if isinstance(error, PermissionError) or "redential" in str(error):
            hint = "credentials are read from the environment, such as AWS_ACCESS_KEY_ID or AWS_PROFILE"
        raise GalleryError(f"cannot read {address}: {first_line(error)}", hint) from error
