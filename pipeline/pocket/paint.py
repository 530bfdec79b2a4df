"""Paint a scene: where its objects stand, and the vector drawing at any size.

The same (scene, seed) gives the same layout at every size, so reports can show a crisp 512 px
picture of what the models saw at 64.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import cos, pi, sin
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .backdrops import DAY, NIGHT, PAPER, PENCIL, RGB, backdrop
from .shapes import FIXED, SHAPES
from .world import Kind, Scene

if TYPE_CHECKING:
    from PIL import Image

PAINTS: dict[str, RGB] = {
    "red": (224, 38, 44),
    "orange": (247, 132, 20),
    "yellow": (252, 216, 30),
    "green": (40, 156, 66),
    "blue": (40, 92, 220),
    "purple": (132, 52, 180),
    "pink": (252, 132, 190),
    "black": (40, 40, 44),
    "white": (252, 252, 252),
}
INK: RGB = (26, 26, 30)
_TINY = re.compile(r"-?[\d.]+e-\d+")  # aggdraw reads no exponents


@dataclass(frozen=True)
class Placement:
    """One object on the canvas: centre and extent as shares of the canvas side."""

    kind: int
    x: float
    y: float
    extent: float
    angle: float
    flip: bool


# Object extents by count, for a kind that has the canvas to itself and for one that has a half.
_WHOLE = {"large": (0.66, 0.46, 0.42), "small": (0.32, 0.28, 0.24)}
_HALF = {"large": (0.46, 0.42, 0.31), "small": (0.25, 0.23, 0.2)}


def _spots(count: int, extent: float, whole: bool, tall: bool) -> list[tuple[float, float]]:
    """Offsets of ``count`` objects from the middle of their area."""
    step = extent * 1.04
    if whole and count == 3 and extent > 0.3:
        return [(0.0, -step / 2), (-step / 2, step / 2), (step / 2, step / 2)]
    line = [(index - (count - 1) / 2) * step for index in range(count)]
    return [(0.0, offset) for offset in line] if tall else [(offset, 0.0) for offset in line]


def layout(scene: Scene, rng: Random) -> list[Placement]:
    """Where every object stands, with a little disorder."""
    two = len(scene.kinds) == 2
    placements = []
    for index, kind in enumerate(scene.kinds):
        extent = (_HALF if two else _WHOLE)[kind.size][kind.count - 1] * rng.uniform(0.93, 1.03)
        side = (0.25, 0.75)[index]
        beside = two and scene.relation == "left of"
        x, y = (side, 0.52) if beside else (0.5, side) if two else (0.5, 0.54)
        spots = _spots(kind.count, extent, not two, tall=beside)
        room_x = max(0.0, (0.25 if beside else 0.5) - max(abs(s[0]) for s in spots) - extent / 2)
        room_y = max(
            0.0, (0.25 if two and not beside else 0.46) - max(abs(s[1]) for s in spots) - extent / 2
        )
        x += rng.uniform(-room_x, room_x) * 0.9
        y += rng.uniform(-room_y, room_y) * (0.8 if two else 0.6)
        flip = rng.random() < 0.5
        for dx, dy in spots:
            angle = rng.uniform(-7, 7)
            placements.append(Placement(index, x + dx, y + dy, extent * 0.94, angle, flip))
    return placements


class Drawable(Protocol):
    """What can be painted: things, and what is behind and about them."""

    @property
    def kinds(self) -> tuple[Kind, ...]: ...

    @property
    def setting(self) -> str: ...

    @property
    def time(self) -> str: ...

    @property
    def style(self) -> str: ...


S = TypeVar("S", bound=Drawable)


def paint(scene: Scene, size: int, seed: int) -> Image.Image:
    """The picture of ``scene``, RGB, ``size`` × ``size`` pixels, antialiased."""
    return paint_arranged(scene, layout, size, seed)


def paint_arranged(
    scene: S, arrange: Callable[[S, Random], list[Placement]], size: int, seed: int
) -> Image.Image:
    """The picture of what stands as ``arrange`` says; see `paint`."""
    import aggdraw
    from PIL import Image

    rng = Random(seed)
    ground = PAPER[scene.time] if scene.style == "sketch" else (0, 0, 0)
    image = Image.new("RGB", (size, size), ground)
    canvas = aggdraw.Draw(image)
    _paint_backdrop(canvas, scene, size, rng)
    for placement in arrange(scene, rng):
        _paint_object(canvas, scene, scene.kinds[placement.kind], placement, size)
    canvas.flush()
    return image


def _paint_backdrop(canvas: Any, scene: Drawable, size: int, rng: Random) -> None:
    import aggdraw

    palette = DAY if scene.time == "day" else NIGHT
    canvas.settransform((size / 100, 0, 0, 0, size / 100, 0))
    pencil = aggdraw.Pen(PENCIL[scene.time], size / 110)
    for name, path in backdrop(scene.setting, scene.time, rng):
        colour = palette[name.lstrip("~")]
        symbol = aggdraw.Symbol(_TINY.sub("0", path))
        if scene.style == "sketch":
            if name not in ("sky", "wall"):
                canvas.symbol((0, 0), symbol, pencil)
        elif name.startswith("~"):
            canvas.symbol((0, 0), symbol, aggdraw.Pen(colour, size / 120))
        else:
            canvas.symbol((0, 0), symbol, None, aggdraw.Brush(colour))


def _mix(colour: RGB, other: RGB, share: float) -> RGB:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def body_paint(colour: str) -> RGB:
    """The paint of a colour of the world, or of an odd shade written ``#rrggbb``."""
    if colour in PAINTS:
        return PAINTS[colour]
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def _fill(name: str, body: RGB) -> RGB | None:
    if name == "line":
        return None
    if name == "body":
        return body
    if name == "shade":
        return _mix(body, (0, 0, 0) if sum(body) > 200 else (255, 255, 255), 0.28)
    if name == "light":
        return _mix(
            body, (255, 255, 255) if sum(body) < 700 else (0, 0, 0), 0.3 if sum(body) < 700 else 0.12
        )
    return FIXED[name]


@cache
def _symbols(category: str) -> list[tuple[str, Any]]:
    import aggdraw

    return [(fill, aggdraw.Symbol(path)) for fill, path in SHAPES[category]]


def _paint_object(canvas: Any, scene: Drawable, kind: Kind, at: Placement, size: int) -> None:
    import aggdraw

    scale = at.extent * size / 100
    turn = at.angle * pi / 180
    side = -scale if at.flip else scale
    a, b, c, d = side * cos(turn), -scale * sin(turn), side * sin(turn), scale * cos(turn)
    left = at.x * size - 50 * a - 50 * b
    top = at.y * size - 50 * c - 50 * d
    canvas.settransform((a, b, left, c, d, top))
    body = body_paint(kind.colour)
    width = size * (0.009 + 0.012 * at.extent)
    sketch = scene.style == "sketch"
    if sketch and scene.time == "night" and kind.colour in ("purple", "blue", "green", "red"):
        body = _mix(body, (255, 255, 255), 0.22)  # keeps its hue on dark paper
    ink = body if sketch else (_mix(INK, (255, 255, 255), 0.62) if kind.colour == "black" else INK)
    pen = aggdraw.Pen(ink, width * (1.25 if sketch else 1.0))
    for name, symbol in _symbols(kind.category):
        fill = _fill(name, body)
        if fill is None or (sketch and name not in ("body", "shade")):
            canvas.symbol((0, 0), symbol, pen)
        elif sketch:
            canvas.symbol((0, 0), symbol, pen, aggdraw.Brush(body, 85))
        else:
            canvas.symbol((0, 0), symbol, pen, aggdraw.Brush(fill))
