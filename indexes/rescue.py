"""What becomes of a caption side that is damaged: moved aside, and its captions taken over."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .beside import SIDE, earlier_side
from .captions import Key
from .errors import GalleryError, IndexDamaged
from .files import sha256_of
from .items import ItemTable
from .manifest import read_manifest
from .shards import check_shards
from .stored import Stored

_log = logging.getLogger(__name__)


def usable_side(folder: Path) -> tuple[Stored | None, dict[Key, Sequence[str]]]:
    """The caption side in ``folder``; or, moved aside where it is damaged, what it still says."""
    try:
        old = earlier_side(folder)
        if old:
            check_shards(old.folder, old.manifest)
        return old, {}
    except IndexDamaged as error:
        kept = _still_told(folder / SIDE)
        number, place = 1, folder / f"{SIDE}.damaged"
        while place.exists():
            number += 1
            place = folder / f"{SIDE}.damaged-{number}"
        (folder / SIDE).rename(place)
        _log.warning("%s: moved to %s, %d captions kept", error.message, place, len(kept))
        return None, kept


def _still_told(side: Path) -> dict[Key, Sequence[str]]:
    """The captions of a damaged side, if the file that holds them is whole."""
    with suppress(GalleryError, OSError):
        entry = read_manifest(side).items
        if sha256_of(side / entry.file) == entry.sha256:
            items = ItemTable((side / entry.file).read_bytes()).all()
            return {(i.id, i.content_hash): i.caption.split("\n") for i in items if i.caption}
    return {}
