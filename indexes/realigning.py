"""Keeping a compressed form in step: after every change to an index its form is of the new rows.

Places stay where their vectors are; rows that are new are added, those that are gone are named by no
place. Nothing is learnt anew: what the form was learnt from ages, and that is told.
"""

from __future__ import annotations

import logging
import shutil
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .beside import SIDE
from .compressed import Compressed, open_compressed
from .compressing import add
from .errors import GalleryError, IndexMissing, compress_command
from .files import load_npy, sha256_of
from .form import ADVISED, FOLDER, FORMAT_VERSION, problem_of, read_form, rows_of
from .form_files import Parts, finish, stored
from .keys import keys_of, rows_by_key
from .own import check_own
from .packing import packed, unpacked
from .stored import Stored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DROPPED = 0.5  # share of places that would be new or gone, from which the form is not worth keeping
OTHERS = "most of its vectors are others now"
_log = logging.getLogger(__name__)


def forms_behind(folder: Path) -> bool:
    """Whether pictures or captions have a form of earlier rows. Damage is not judged here."""
    for side in (folder, folder / SIDE):
        with suppress(GalleryError):
            form = read_form(side)
            if form is not None and problem_of(form, Stored.open(side)):
                return True
    return False


def realign_forms(folder: Path) -> None:
    """Bring the forms of the pictures and of the captions to their rows. Called under the lock.

    A form that is damaged is left for the one who opens it. Raises ``OSError``.
    """
    for side in (folder, folder / SIDE):
        try:
            vectors = Stored.open(side)
            form = open_compressed(vectors)
        except IndexMissing:
            continue
        except GalleryError as error:
            if (side / FOLDER).is_dir():
                _log.warning("%s: it is left as it is (%s)", error.message, error.hint)
            continue
        if form is not None and problem_of(form.form, vectors):
            _realign(vectors, form)


def _realign(vectors: Stored, old: Compressed) -> None:
    import numpy as np

    again = compress_command(vectors.folder)
    before, now = _checked(old), keys_of(vectors)
    if before is None:
        return _drop(vectors, "its files changed", again)
    if old.form.dimension != vectors.dimension:
        return _drop(vectors, OTHERS, again)
    rows = rows_by_key(before, now)
    fresh = np.setdiff1d(np.arange(vectors.count), rows)
    gone = int((rows < 0).sum())
    changed = (len(rows) + len(fresh) - old.form.learnt + gone) / (len(rows) + len(fresh))
    if changed > DROPPED:
        return _drop(vectors, OTHERS, again)
    index = _index(old, vectors, fresh)
    parts = Parts(index, np.r_[rows, fresh].astype(np.int32), np.r_[before, now[fresh]])
    files: dict[str, Any] = stored(vectors.folder, parts)
    of = rows_of(vectors.manifest)
    form = replace(old.form, of=of, gone=gone, format_version=FORMAT_VERSION, **files)
    finish(vectors.folder, form)
    if changed > ADVISED:
        share = f"{100 * changed:.0f} % of its rows are new or gone"
        _log.warning("%s: the compressed form ages, %s; learn it anew: %s", vectors.folder, share, again)


def _checked(form: Compressed) -> NDArray[np.uint64] | None:
    """The keys of its places; None where a file that is about to be copied changed."""
    for entry in form.form.files():
        if sha256_of(form.folder / entry.file) != entry.sha256:
            return None
    keys: NDArray[np.uint64] = load_npy(form.folder / form.form.keys.file)[:, 0]
    return keys


def _index(old: Compressed, vectors: Stored, fresh: NDArray[np.int64]) -> Any:
    """The faiss index with the new rows in it; read whole, as a mapped one cannot grow."""
    faiss: Any = import_module("faiss")

    index = unpacked(faiss.read_index(str(old.folder / old.form.index.file)))
    add(index, vectors, fresh)
    return packed(index)


def _drop(vectors: Stored, why: str, again: str) -> None:
    """Take away a form that has too little left to find."""
    place = vectors.folder / FOLDER
    check_own(place)
    shutil.rmtree(place)
    _log.warning("%s: %s; the compressed form is gone: %s", vectors.folder, why, again)
