"""Files of an index as they are written: hashed on the way, synced, named by their content.

A name that holds the content's hash never collides with a file that a previous manifest still
needs.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EACCES, EDQUOT, ENOLCK, ENOSPC, ENOSYS, ENOTSUP, EOPNOTSUPP, EPERM, EROFS
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import DiskFull, GalleryError, NotWritable

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 1 << 22
# the last four: a drive of another machine that knows no locks
_REFUSED = (EACCES, EPERM, EROFS, ENOLCK, ENOSYS, ENOTSUP, EOPNOTSUPP)


@dataclass(frozen=True)
class FileEntry:
    """A file of the index: its name in the folder, rows, size in bytes and SHA-256."""

    file: str
    rows: int
    bytes: int
    sha256: str


def write_bytes(path: Path, chunks: Iterable[bytes | memoryview]) -> tuple[int, str]:
    """Write and sync ``path``; its size in bytes and SHA-256."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size, digest.hexdigest()


def store_file(
    folder: Path, workspace: Path, stem: str, suffix: str, rows: int, chunks: Iterable[Any]
) -> FileEntry:
    """Write ``stem-HASH.suffix`` into ``folder`` by way of ``workspace``."""
    draft = workspace / f"{stem}{suffix}"
    size, sha256 = write_bytes(draft, chunks)
    name = f"{stem}-{sha256[:16]}{suffix}"
    os.replace(draft, folder / name)
    return FileEntry(name, rows, size, sha256)


def npy_chunks(rows: int, dimension: int, dtype: str, blocks: Iterable[NDArray[Any]]) -> Iterator[Any]:
    """The bytes of an ``.npy`` file of ``rows`` x ``dimension`` made of ``blocks``.

    Not ``np.save``: it reports a full disk without an errno, and cannot hash or stream.
    """
    import io

    import numpy as np

    header = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    shape = {"descr": descr, "fortran_order": False, "shape": (rows, dimension)}
    np.lib.format.write_array_header_1_0(header, shape)
    yield header.getvalue()
    for block in blocks:
        yield memoryview(np.ascontiguousarray(block, dtype=dtype)).cast("B")


# numpy parses headers as Python, and CPython 3.11 fails where several threads parse at once.
HEADERS = threading.Lock()


def load_npy(path: Path) -> NDArray[Any]:
    """A memory-mapped ``.npy`` file; ``ValueError`` or ``OSError`` when it is none."""
    from tokenize import TokenError

    import numpy as np

    try:
        with HEADERS:
            # not np.load: it would look at what a damaged file starts with, and open archives
            array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except (SyntaxError, TokenError, OverflowError) as error:
        raise ValueError(f"{path} is no .npy file") from error
    return array


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Say in one line what the operating system refused while ``folder`` was written."""
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise DiskFull(
                f"no space left on the disk that holds {folder}",
                "free some space and run the same command again; what is encoded is kept",
            ) from error
        kind = NotWritable if error.errno in _REFUSED else GalleryError
        raise kind(f"cannot write {folder}: {error.strerror or error}") from error
