"""Several pictures as one, in rows, each with its number: a judge is shown it in one call (SQUARE)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...machine.kept import picture_file

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

WHOLE, LARGEST, GAP = 1024, 256, 8  # pixels: of the whole width at most, of a tile, around it
_BACK, _PLATE, _INK = "white", "black", "white"


def columns(count: int) -> int:
    """How many tiles a row has: the grid is about square, and never taller than wide."""
    return max(1, math.ceil(math.sqrt(count)))


def tiled(pictures: Sequence[Image]) -> Path:
    """A file of all pictures, numbered from 1 in reading order; the same pictures are the same file."""
    from PIL import Image, ImageDraw, ImageFont

    wide = columns(len(pictures))
    side = min(LARGEST, (WHOLE - GAP) // wide - GAP)
    rows = math.ceil(len(pictures) / wide)
    step = side + GAP
    whole = Image.new("RGB", (wide * step + GAP, rows * step + GAP), _BACK)
    draw = ImageDraw.Draw(whole)
    font = ImageFont.load_default(max(12, side // 7))
    for place, picture in enumerate(pictures):
        left, top = GAP + place % wide * step, GAP + place // wide * step
        shown = picture.copy()
        shown.thumbnail((side, side))
        whole.paste(shown, (left + (side - shown.width) // 2, top + (side - shown.height) // 2))
        ends = draw.textbbox((left + 3, top + 3), str(place + 1), font=font)
        draw.rectangle((left, top, ends[2] + 4, ends[3] + 4), _PLATE)
        draw.text((left + 3, top + 3), str(place + 1), _INK, font=font)
    return picture_file(whole)
