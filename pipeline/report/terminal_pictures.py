"""Pictures inside terminals without a way of their own: sixels, and half blocks of colour.

Sixels are those of the DEC VT300 manuals: a palette, then bands of six rows, one pass per colour.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

COLOURS = 128
_CUBE = (0, 95, 135, 175, 215, 255)  # the levels of xterm's 6 x 6 x 6 cube


def half_blocks(image: Image.Image, columns: int, *, truecolour: bool = True) -> bytes:
    """The picture in at most ``columns`` cells a row, two pixels a cell: ▀ in two colours.

    Without ``truecolour`` in the 256 colours of xterm. Lines end with a newline.
    """
    width = min(columns, image.width)
    height = max(round(image.height * width / image.width), 1)
    pixels = image.convert("RGB").resize((width, height))
    lines = []
    for top in range(0, height, 2):
        cells = []
        for x in range(width):
            upper = _colour(pixels, x, top, truecolour)
            if top + 1 < height:
                cells.append(f"\x1b[38;{upper};48;{_colour(pixels, x, top + 1, truecolour)}m▀")
            else:
                cells.append(f"\x1b[0;38;{upper}m▀")
        lines.append("".join(cells) + "\x1b[0m\n")
    return "".join(lines).encode()


def sixels(image: Image.Image) -> bytes:
    """The picture as one sixel sequence, in at most 128 colours."""
    import numpy as np

    small = image.convert("RGB").quantize(COLOURS)
    palette = (small.getpalette() or [])[: 3 * COLOURS]
    pixels = np.asarray(small).astype(int)
    parts = [f'\x1bPq"1;1;{small.width};{small.height}']
    for number in np.unique(pixels):
        red, green, blue = (round(c * 100 / 255) for c in palette[3 * number : 3 * number + 3])
        parts.append(f"#{number};2;{red};{green};{blue}")
    for top in range(0, small.height, 6):
        band = pixels[top : top + 6]
        bits = 1 << np.arange(len(band))[:, None]
        passes = []
        for number in np.unique(band):
            codes = ((band == number) * bits).sum(axis=0)
            passes.append(f"#{number}" + "".join(_run(code, group) for code, group in groupby(codes)))
        parts.append("$".join(passes) + "-")
    parts.append("\x1b\\")
    return "".join(parts).encode("ascii")


def _run(code: int, group: object) -> str:
    """Equal sixels, counted where that is shorter."""
    count = len(list(group))  # type: ignore[call-overload]
    letter = chr(63 + int(code))
    return f"!{count}{letter}" if count > 3 else letter * count


def _colour(pixels: Image.Image, x: int, y: int, truecolour: bool) -> str:
    pixel = pixels.getpixel((x, y))
    assert isinstance(pixel, tuple)
    if truecolour:
        return "2;{};{};{}".format(*pixel)
    red, green, blue = (min(range(6), key=lambda level: abs(_CUBE[level] - part)) for part in pixel)
    return f"5;{16 + 36 * red + 6 * green + blue}"
