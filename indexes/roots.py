"""The folders and pictures that an index is made of, when it is made of others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import EXIT_USAGE, GalleryError, readable
from .remote import as_address

if TYPE_CHECKING:
    from .store import Index

_SHOWN = 3


def check_roots(index: Index, roots: Sequence[str]) -> None:
    """Raises ``GalleryError`` where ``index`` would silently lose pictures if it were of ``roots``.

    A root is kept by itself or by a folder above it; a single picture that was deleted is no loss.
    """
    kept = {place for root in roots for place in (root, _real(root))}
    lost = [
        root
        for root in index.manifest.roots
        if not _under(root, kept) and not _under(_real(root), kept)
        if os.path.lexists(root) or as_address(root) or index.row_of(Path(root)) is None
    ]
    if not lost:
        return
    shown = ", ".join(readable(root) for root in lost[:_SHOWN]) + (" …" if lost[_SHOWN:] else "")
    raise GalleryError(
        f"the index in {index.folder} is of other pictures, too, and would lose those of {shown}",
        "name all of its folders, or another --out; --change-roots takes those out that are not named",
        EXIT_USAGE,
    )


def _real(root: str) -> str:
    return root if as_address(root) else os.path.realpath(root)


def _under(path: str, places: set[str]) -> bool:
    while path not in places:
        above = os.path.dirname(path)
        if above == path:
            return False
        path = above
    return True
