"""The caption side that lies beside the pictures of an index; see ``sides`` for how it is written."""

from __future__ import annotations

from pathlib import Path

from .contract import CAPTIONS
from .errors import IndexDamaged, IndexIncompatible, IndexMissing, IndexStale, caption_command, side_damaged
from .stored import Stored

SIDE = CAPTIONS  # the folder of the caption side


def captions_of(pictures: Stored) -> Stored | None:
    """The caption side of these very rows; None where there is none.

    Raises ``IndexDamaged``, or ``IndexStale`` where it belongs to other rows or another encoder.
    """
    side = earlier_side(pictures.folder)
    if side is None:
        return None
    why = stale(side, pictures)
    if why:
        raise IndexStale(
            f"the captions in {side.folder} {why}", f"bring them up: {caption_command(pictures.folder)}"
        )
    return side


def earlier_side(folder: Path) -> Stored | None:
    """The caption side in ``folder``, of whatever rows and encoder. Raises ``IndexDamaged``."""
    try:
        return Stored.open(folder / SIDE)
    except IndexMissing:
        return None
    except (IndexDamaged, IndexIncompatible) as error:
        raise side_damaged(folder, error) from error


def stale(side: Stored, pictures: Stored) -> str:
    """Why captions or regions do not fit the pictures; empty where they do."""
    if side.rows_sha256 != pictures.rows_sha256:
        return "belong to earlier rows of the index"
    if side.manifest.encoder.fingerprint != pictures.manifest.encoder.fingerprint:
        return f"were encoded by another encoder ({side.manifest.encoder.name})"
    return ""
