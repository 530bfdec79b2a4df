"""What of a picture is cut out, and what of it an encoder sees, in shares of its width and height."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import ceil, floor
from typing import TYPE_CHECKING, Any

from .contract import Box

if TYPE_CHECKING:
    from PIL.Image import Image


def cropped(image: Image, box: Box) -> Image:
    """The part of a picture, cut outwards at whole pixels; at least one pixel wide and high."""
    left, top = floor(box.left * image.width), floor(box.top * image.height)
    right, bottom = ceil(box.right * image.width), ceil(box.bottom * image.height)
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def seen_of(width: int, height: int, config: Mapping[str, Any]) -> Box:
    """The part of a picture that a tower sees: the middle square, where it resizes the short side.

    A tower that squeezes or pads sees all.
    """
    mode, size = config.get("resize_mode", "shortest"), config.get("size", 1)
    if mode != "shortest":
        return Box(0.0, 0.0, 1.0, 1.0)
    tall, wide = (size, size) if isinstance(size, int) else size
    scale = max(wide / width, tall / height)
    across, down = min(1.0, wide / (width * scale)), min(1.0, tall / (height * scale))
    return Box(0.5 - across / 2, 0.5 - down / 2, 0.5 + across / 2, 0.5 + down / 2)


def placed(box: Box, width: int, height: int, preprocessing: str) -> Box:
    """Where a patch lies in a whole picture of this size, in shares of it.

    ``box`` is in shares of what the encoder with this ``preprocessing`` (JSON) sees. Crops need it not.
    """
    try:
        config = json.loads(preprocessing)
    except ValueError:
        return box
    seen = seen_of(width, height, config)
    across, down = seen.right - seen.left, seen.bottom - seen.top
    return Box(
        seen.left + box.left * across,
        seen.top + box.top * down,
        seen.left + box.right * across,
        seen.top + box.bottom * down,
    )
