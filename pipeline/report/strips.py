"""Hits as rows of small pictures inside a terminal, five beside each other, each with its rank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..records.trace import Hit
from .terminal import picture_sequence

if TYPE_CHECKING:
    from PIL.Image import Image

BESIDE = 5
SIDE = 160  # pixels of a picture, where a terminal shows pixels
GAP = 8
COLUMNS = 100  # no row of half blocks is wider
_GROUND = (24, 24, 24)


class Strip(NamedTuple):
    """One row: the bytes that draw it, the line below it, and what could not be shown, by rank."""

    drawn: bytes
    below: str
    problems: tuple[str, ...]


def strips(
    hits: Sequence[Hit], terminal: str, *, columns: int, many_colours: bool = True
) -> Iterator[Strip]:
    """The rows of the hits that have a picture, for a terminal of `detect_terminal`."""
    waiting = iter([hit for hit in hits if hit.path])
    while row := list(islice(waiting, BESIDE)):
        yield _strip(row, terminal, columns, many_colours)


def _strip(hits: Sequence[Hit], terminal: str, columns: int, many_colours: bool) -> Strip:
    blocks = terminal == "blocks"
    gap = 1 if blocks else GAP
    side = max((min(columns, COLUMNS) + gap) // BESIDE - gap, 2) if blocks else SIDE
    tiles = [_tile(hit, side) for hit in hits]
    sheet = _sheet([tile for tile, _ in tiles], side, gap)
    if not blocks:
        _number(sheet, hits, side + gap)
    drawn = picture_sequence(sheet, terminal, columns=sheet.width, many_colours=many_colours)
    below = "".join(f"{hit.rank:<{side + gap}}" for hit in hits).rstrip() if blocks else ""
    return Strip(drawn, below, tuple(problem for _, problem in tiles if problem))


def _tile(hit: Hit, side: int) -> tuple[Image | None, str]:
    """The picture, at most so large; else why there is none."""
    from ...indexes.decode import load_image
    from ...indexes.errors import GalleryError

    try:
        image = load_image(Path(hit.path), side)
    except GalleryError as problem:
        return None, f"{hit.rank}. {problem.message}"
    image.thumbnail((side, side))
    return image, ""


def _sheet(tiles: Sequence[Image | None], side: int, gap: int) -> Image:
    """The pictures in one, in a line; a place without one stays empty."""
    from PIL import Image

    high = max((tile.height for tile in tiles if tile), default=2)
    sheet = Image.new("RGB", (len(tiles) * (side + gap) - gap, high), _GROUND)
    for place, tile in enumerate(tiles):
        if tile:
            sheet.paste(tile, (place * (side + gap) + (side - tile.width) // 2, 0))
    return sheet


def _number(sheet: Image, hits: Sequence[Hit], step: int) -> None:
    """The ranks, in the corners of the pictures."""
    from PIL import ImageDraw, ImageFont

    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(18)
    for place, hit in enumerate(hits):
        pen.text(
            (place * step + 4, 2), str(hit.rank), (255, 255, 255), font, stroke_width=2, stroke_fill=_GROUND
        )
