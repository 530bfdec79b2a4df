"""Compressing an index: a form of every side is learnt, measured, and put beside it in one step.

Written like an index: files first, into ``compressed/.pending``, the manifest last. Until then the form
before is whole, and whoever has it open keeps it. The vectors themselves stay as they are.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .beside import SIDE, earlier_side
from .compressed_kinds import KINDS, LEARN_EACH, check_faiss, lists_of
from .contract import PICTURES
from .errors import EXIT_USAGE, GalleryError
from .files import disk_errors
from .form import FOLDER, Form, rows_of
from .form_files import Parts, finish, stored
from .keys import keys_of
from .lists import codes_of, insert, rank_by
from .lock import write_lock
from .measuring import Choice, choose, truth
from .own import check_own
from .packing import packed
from .probes import probes
from .ranks import coded
from .shards import check_shards
from .store import Index

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .stored import Stored

_log = logging.getLogger(__name__)
PROBES = 256  # queries a kind: of 64, a recall errs by one hundredth
ADD_ROWS = 65_536
FEWEST = 64  # rows that lists and their codes can be learnt from
EXACT_IS_QUICK = 1_000_000  # rows
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CompressReport:
    """The form of one side: ``reached`` is whether it finds as much as was asked for."""

    side: str
    form: Form
    rows: int
    vector_bytes: int

    @property
    def reached(self) -> bool:
        """Whether recall is what was asked for."""
        return self.form.recall >= self.form.asked

    @property
    def bytes(self) -> int:
        """What the form takes on the disk."""
        return sum(entry.bytes for entry in self.form.files())


def compress(
    folder: Path, recall: float, *, kind: str = "", on_progress: Progress | None = None
) -> list[CompressReport]:
    """Make the compressed form of the pictures in ``folder``, and of their captions where there are any.

    Each is the quickest that finds ``recall`` of the 10 best on every kind of query (see ``probes``), of
    all kinds of forms for so many rows, or of the one ``kind``. Raises ``GalleryError`` for a recall that
    is no share and for too few rows, ``IndexMissing``, ``IndexDamaged``, ``NotWritable``, ``DiskFull``; the
    form before stays.
    """
    if not 0 < recall <= 1:
        raise GalleryError(f"a recall of {recall:g} is no share", "for example --recall 0.99", EXIT_USAGE)
    check_faiss()
    folder = Path(folder)
    Index.open(folder)
    with disk_errors(folder), write_lock(folder):
        pictures = Index.open(folder)
        _check_count(pictures, kind)
        captions = earlier_side(folder)
        work: list[tuple[str, Stored, Stored | None]] = [(PICTURES, pictures, captions)]
        if captions is not None:
            work.append((SIDE, captions, pictures))
        return [_compressed(*one, recall, kind, on_progress) for one in work]


def _check_count(pictures: Stored, kind: str) -> None:
    if not pictures.count:
        raise GalleryError(
            f"the index in {pictures.folder} has no pictures", "there is nothing to compress"
        )
    if kind and KINDS[kind].ranked and pictures.count < FEWEST:
        text = f"{pictures.count} pictures are too few for a form of kind {kind}"
        raise GalleryError(text, "leave --kind away: exact search is quick there", EXIT_USAGE)


def drop(folder: Path) -> bool:
    """Take the compressed forms away; whether there were any. The vectors stay as they are."""
    folder = Path(folder)
    Index.open(folder)
    gone = False
    with disk_errors(folder), write_lock(folder):
        for place in (folder / FOLDER, folder / SIDE / FOLDER):
            if place.is_dir():
                check_own(place)
                shutil.rmtree(place)
                gone = True
    return gone


def _compressed(
    name: str, vectors: Stored, other: Stored | None, recall: float, kind: str, on_progress: Progress | None
) -> CompressReport:
    check_shards(vectors.folder, vectors.manifest)
    began = perf_counter()
    right = truth(vectors, probes(vectors, other, PROBES))
    made = []
    for one in [kind] if kind else fitting(vectors.count):
        index = _made(one, vectors, on_progress)
        made.append((one, index, choose(index, one, vectors, right, recall)))
    chosen, index, choice = min(made, key=lambda one: (-min(one[2].recall, recall), one[2].milliseconds))
    form = write(vectors, chosen, index, choice, recall, perf_counter() - began)
    stored = sum(shard.bytes for shard in vectors.manifest.shards)
    return CompressReport(name, form, vectors.count, stored)


def fitting(rows: int) -> list[str]:
    """The kinds of forms for so many rows."""
    return [name for name, kind in KINDS.items() if kind.rows[0] <= rows <= kind.rows[1]]


def _made(kind: str, vectors: Stored, on_progress: Progress | None) -> Any:
    """The faiss index of this kind, of all rows; its places are the rows."""
    faiss: Any = import_module("faiss")
    import numpy as np

    faiss.omp_set_num_threads(os.cpu_count() or 1)
    count = min(vectors.count, LEARN_EACH * lists_of(vectors.count))
    chosen = np.sort(np.random.default_rng(0).choice(vectors.count, count, replace=False))
    index = KINDS[kind].make(vectors.take(chosen), vectors.count)
    add(index, vectors, np.arange(vectors.count), on_progress)
    index = packed(index)
    codes = coded(index)
    if codes is not None:
        rank_by(index, codes)
    return index


def add(index: Any, vectors: Stored, rows: NDArray[np.int64], on_progress: Progress | None = None) -> None:
    """Add these rows, which get the next places."""
    for start in range(0, len(rows), ADD_ROWS):
        part = rows[start : start + ADD_ROWS]
        insert(index, vectors.take(part))
        if on_progress:
            on_progress(start + len(part), len(rows))


def write(vectors: Stored, kind: str, index: Any, choice: Choice, recall: float, seconds: float) -> Form:
    """Write the form of these very rows. Called under the lock. Raises ``OSError``."""
    faiss: Any = import_module("faiss")
    import numpy as np

    rows = np.arange(vectors.count, dtype=np.int32)
    files: dict[str, Any] = stored(vectors.folder, Parts(index, rows, keys_of(vectors), codes_of(index)))
    form = Form(
        kind,
        faiss.__version__,
        rows_of(vectors.manifest),
        vectors.dimension,
        vectors.count,
        recall,
        choice.effort,
        choice.measured,
        choice.milliseconds,
        round(seconds, 1),
        **files,
    )
    finish(vectors.folder, form)
    return form
