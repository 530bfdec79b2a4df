"""The files of a compressed form: written before its manifest, which then names them."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .errors import GalleryError
from .files import FileEntry, npy_chunks, store_file
from .form import FOLDER, Form, read_form, write_form
from .own import check_own
from .writing import PENDING, tidy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Parts:
    """What the files of a form hold: a faiss index, for its places their rows and keys, and codes of the
    centres of its lists, where they are other than before.
    """

    index: Any
    rows: NDArray[np.int32]
    keys: NDArray[np.uint64]
    ranks: Any = None


def stored(side: Path, parts: Parts) -> dict[str, FileEntry]:
    """Write the files of a form, which no manifest names yet; their names in `Form`. Raises ``OSError``."""
    folder = side / FOLDER
    check_own(folder)
    workspace = folder / PENDING
    workspace.mkdir(parents=True, exist_ok=True)
    count = len(parts.rows)
    made = {"index": _store_faiss(folder, "compressed", parts.index, count)}
    if parts.ranks is not None:
        made["ranks"] = _store_faiss(folder, "ranks", parts.ranks, parts.ranks.index.ntotal)
    for name in ("keys", "rows"):
        column = getattr(parts, name)[:, None]
        chunks = npy_chunks(count, 1, str(column.dtype), [column])
        made[name] = store_file(folder, workspace, name, ".npy", count, chunks)
    return made


def finish(side: Path, form: Form) -> None:
    """Make it the form of the vectors in ``side``, in one step; what the one before used goes."""
    folder, former = side / FOLDER, None
    with suppress(GalleryError):
        former = read_form(side)
    write_form(folder, folder / PENDING, form)
    tidy(folder, form, former)


def _store_faiss(folder: Path, name: str, index: Any, count: int) -> FileEntry:
    faiss: Any = import_module("faiss")

    draft = folder / PENDING / f"{name}.faiss"
    with draft.open("wb") as file:
        sink = _Sink(file)
        try:
            faiss.write_index(index, faiss.PyCallbackIOWriter(sink))
        except RuntimeError:
            if sink.error:
                raise sink.error from None
            raise
        file.flush()
        os.fsync(file.fileno())
    digest = sink.digest.hexdigest()
    named = f"{name}-{digest[:16]}.faiss"
    os.replace(draft, folder / named)
    return FileEntry(named, count, sink.size, digest)


class _Sink:
    """Where faiss writes: hashed on the way; what the disk refused is kept, for faiss loses it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest, self.size = file, sha256(), 0
        self.error: OSError | None = None

    def __call__(self, data: bytes) -> None:
        try:
            self.file.write(data)
        except OSError as error:
            self.error = error
            raise
        self.digest.update(data)
        self.size += len(data)
