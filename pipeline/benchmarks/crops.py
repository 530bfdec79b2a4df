"""The part of a picture that GeneCIS shows, cut as its official code cuts it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .records import Item

if TYPE_CHECKING:
    from PIL.Image import Image

DILATION = 0.7
CUT = "rounded"  # how a crop that is kept was cut: those of another way are not taken for it


def crop(image: Image, box: tuple[float, float, float, float]) -> Image:
    """The box (x, y, w, h) grown to the left and the top, then centred on a black square.

    The official code starts 0.7 w before x and ends 1.7 w after that start: it grows to one side
    only, unless the border of the picture stops it, and leaves rounding to Pillow. Scores are
    comparable only with these quirks.
    """
    from PIL import Image as images

    x, y, w, h = box
    left, top = max(0.0, x - DILATION * w), max(0.0, y - DILATION * h)
    right = min(float(image.width), left + (1 + DILATION) * w)
    bottom = min(float(image.height), top + (1 + DILATION) * h)
    part = image.crop((left, top, right, bottom))  # Pillow rounds
    side = max(part.size)
    square = images.new("RGB", (side, side))
    square.paste(part, ((side - part.width) // 2, (side - part.height) // 2))
    return square


def cut(items: Iterable[Item], folder: Path) -> list[Item]:
    """The items as whole files: those with a box are cut into ``folder`` once, as PNG."""
    from ...indexes.decode import load_image

    whole = []
    for item in items:
        if item.box is None:
            whole.append(item)
            continue
        name = hashlib.sha256(f"{CUT} {item.path} {item.box}".encode()).hexdigest()[:20]
        path = folder / name[:2] / f"{name}.png"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".tmp")
            crop(load_image(item.path), item.box).save(fresh, "PNG")
            fresh.replace(path)
        whole.append(replace(item, path=path, box=None))
    return whole
