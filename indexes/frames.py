"""How many frames of each video an index holds: asked for, kept, and told where it changes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .errors import IndexDamaged, IndexIncompatible, IndexMissing, rebuild_hint
from .manifest import read_manifest

_log = logging.getLogger(__name__)


def frames_wanted(asked: int | None, out: Path, donors: Sequence[Path]) -> int:
    """The frames of each video that the index in ``out`` is to hold; 0 where videos are passed over.

    That is what is ``asked`` for, else what the index has; a new one has the most of its donors.
    """
    if asked is not None:
        return asked
    found = []
    for place in (out, *donors):
        with suppress(IndexMissing, IndexDamaged, IndexIncompatible):
            found.append(read_manifest(place).videos)
            if place == out:
                break
    return max(found, default=0)


def tell_change(out: Path, roots: Sequence[str], before: int, now: int) -> None:
    """Say where frames of videos are others than before, and how to have those back."""
    if before not in (0, now):
        command = rebuild_hint(out, roots).partition(": ")[2].removesuffix(" --rebuild")
        _log.warning(
            "%d frames of each video now, %d before (to have those again: %s --videos %d)",
            now,
            before,
            command,
            before,
        )
