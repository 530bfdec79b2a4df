"""The index of a gallery as somebody wants it who is about to search: refreshed where that is possible.

A searcher never waits where there is something to search, and never needs a folder that can be
written.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .build import BuildReport, build, look
from .errors import DiskFull, GalleryError, IndexBusy, NotWritable
from .manifest import read_manifest

if TYPE_CHECKING:
    from .cluster import Elsewhere
    from .contract import ImageEncoder

_log = logging.getLogger(__name__)


def refresh(
    gallery: Path | Sequence[Path],
    out: Path,
    elsewhere: Path,
    encoder: ImageEncoder,
    *,
    donors: Sequence[Path] = (),
    on_progress: Callable[[int, int], None] | None = None,
    cluster: Elsewhere | None = None,
) -> tuple[Path, BuildReport | None]:
    """The index folder to search ``gallery`` by, one folder or several, and what was done to it.

    That is ``out``, brought up to date; while another process writes it, ``out`` as it is (there is
    no report then), or, where there is none yet, what that process writes. Where ``out`` has work to
    do and cannot be written, it is ``elsewhere``. Vectors of equal contents are taken from the index
    folders ``donors``; what is new is encoded by the ``cluster``, where there is one. Raises what
    `build` raises.
    """
    roots = [gallery] if isinstance(gallery, Path) else list(gallery)
    try:
        return out, _brought_up(roots, out, encoder, on_progress, donors, cluster)
    except NotWritable as refused:
        there = _is_there(out)
        if there and (report := look(roots, out, encoder)):
            return out, report
        known = _is_there(elsewhere)
        try:
            # what is encoded beside the gallery need not be encoded again
            report = _brought_up(roots, elsewhere, encoder, on_progress, [out, *donors], cluster)
        except NotWritable:
            if not there:
                raise refused from None
            _log.warning("%s cannot be written: searching what is in it", out)
            return out, None
        if not known:
            _log.warning("%s cannot be written: the index is kept in %s", out, elsewhere)
        return elsewhere, report


def _brought_up(
    roots: Sequence[Path],
    out: Path,
    encoder: ImageEncoder,
    on_progress: Callable[[int, int], None] | None,
    donors: Sequence[Path] = (),
    cluster: Elsewhere | None = None,
) -> BuildReport | None:
    wait = not _is_there(out)
    try:
        return build(
            roots, out, encoder, on_progress=on_progress, wait=wait, donors=donors, elsewhere=cluster
        )
    except (IndexBusy, DiskFull) as problem:
        if not _is_there(out):
            raise
        _log.warning("%s: searching what is in it so far", problem.message)
        return None


def _is_there(folder: Path) -> bool:
    """Whether there is an index in ``folder``; whose it is will be seen by `build`."""
    try:
        read_manifest(folder)
    except GalleryError:
        return False
    return True
