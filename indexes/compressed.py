"""The compressed form of the vectors of an index, opened: where the best of them are found quickly.

It lies in ``compressed/`` beside the vectors it is of, those of pictures or of captions::

    manifest.json              what it is of, its kind, and what was measured (see ``form``)
    compressed-<hash>.faiss    places, by faiss; mapped
    ranks-<hash>.faiss         codes of the lists' centres, where lists are many (see ``ranks``)
    rows-<hash>.npy            place → row, int32; -1 where the row is gone
    keys-<hash>.npy            place → hash of its vector, for the next build (see ``realigning``)

It names rows that may be the best. What they score is computed from the vectors themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .compressed_kinds import KINDS, nearest, open_mapped, open_ranks
from .errors import GalleryError, IndexDamaged, compress_command
from .files import FileEntry, load_npy
from .form import FOLDER, Form, Vectors, problem_of, read_form

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)


class Compressed:
    """A compressed form, opened. Raises ``IndexDamaged``."""

    def __init__(self, vectors: Vectors, form: Form) -> None:
        self.form, self.folder, self.count = form, vectors.folder / FOLDER, vectors.count
        self._hint = f"make it anew: {compress_command(vectors.folder)}"
        if form.kind not in KINDS:
            raise self.damaged(f"its kind is {form.kind!r}")
        self.rows: NDArray[np.int32] = self._array(form.rows)
        self.index = self._by_faiss(form.index, open_mapped)
        if (self.index.ntotal, self.index.d) != (form.index.rows, vectors.dimension):
            raise self.damaged(f"{form.index.file} is of other rows")
        if form.ranks:
            self._by_faiss(form.ranks, partial(open_ranks, self.index))

    def shortlists(
        self, queries: NDArray[np.float32], count: int, free: NDArray[np.bool_] | None = None
    ) -> Sequence[NDArray[np.int64]]:
        """Rows that may be the ``count`` best, for each of (q, d) queries; any order.

        ``free`` (rows,) tells those that may be found.
        """
        import numpy as np

        bits = None
        if free is not None:
            there = self.rows >= 0
            bits = np.packbits(there & free[np.where(there, self.rows, 0)], bitorder="little")
        count = min(count, self.form.index.rows)
        found = nearest(self.index, self.form.kind, self.form.effort, queries, count, bits)
        inside = (found >= 0) & (found < len(self.rows))  # a file with a flipped bit may name any place
        rows = np.where(inside, self.rows[np.where(inside, found, 0)], -1).astype(np.int64)
        return [one[(one >= 0) & (one < self.count)] for one in rows]

    def damaged(self, what: str) -> IndexDamaged:
        """The error that says so."""
        return IndexDamaged(f"the compressed form in {self.folder} is damaged: {what}", self._hint)

    def _by_faiss(self, entry: FileEntry, opened: Callable[[str], Any]) -> Any:
        try:
            return opened(self._whole(entry))
        except (RuntimeError, MemoryError) as error:  # a damaged file may say that it is of any size
            raise self.damaged(f"{entry.file} cannot be read by this faiss") from error

    def _whole(self, entry: FileEntry) -> str:
        path = self.folder / entry.file
        try:
            if path.stat().st_size != entry.bytes:
                raise self.damaged(f"{entry.file} has another size")
        except OSError as error:
            raise self.damaged(f"{entry.file} cannot be read") from error
        return str(path)

    def _array(self, entry: FileEntry) -> NDArray[Any]:
        import numpy as np

        self._whole(entry)
        try:
            array = load_npy(self.folder / entry.file)
        except (OSError, ValueError) as error:
            raise self.damaged(f"{entry.file} cannot be read") from error
        if array.shape != (entry.rows, 1):
            raise self.damaged(f"{entry.file} has another shape")
        return np.asarray(array)[:, 0]


def open_compressed(vectors: Vectors) -> Compressed | None:
    """The form of these vectors, whatever rows it is of; None where there is none.

    Raises ``IndexDamaged`` or ``IndexIncompatible``.
    """
    form = read_form(vectors.folder)
    return None if form is None else Compressed(vectors, form)


def open_fitting(vectors: Vectors) -> Compressed | None:
    """The form of these very rows; None without one, or where it cannot be used, which is told."""
    try:
        form = read_form(vectors.folder)
        if form is None:
            return None
        why = problem_of(form, vectors)
        if not why:
            return Compressed(vectors, form)
        told, hint = (
            f"the compressed form in {vectors.folder / FOLDER} {why}",
            compress_command(vectors.folder),
        )
    except GalleryError as error:
        told, hint = error.message, error.hint
    _log.warning("%s: every row is looked at (%s)", told, hint)
    return None
