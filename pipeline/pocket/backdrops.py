"""The six settings by day and by night, as coloured SVG paths on a 100 × 100 canvas."""

from __future__ import annotations

from random import Random

from .shapes import box, oval

RGB = tuple[int, int, int]
Piece = tuple[str, str]  # (name of a palette colour, path)

DAY: dict[str, RGB] = {
    "sky": (158, 209, 241),
    "cloud": (244, 250, 254),
    "pine": (47, 125, 76),
    "grass": (116, 166, 88),
    "peak": (168, 182, 200),
    "snow": (232, 240, 249),
    "cap": (250, 252, 255),
    "sea": (45, 134, 204),
    "sand": (240, 217, 156),
    "block": (160, 160, 166),
    "pane": (118, 128, 140),
    "road": (112, 112, 118),
    "mark": (244, 222, 110),
    "dune": (222, 154, 84),
    "desert": (236, 180, 112),
    "cactus": (66, 140, 78),
    "wall": (230, 208, 192),
    "frame": (247, 243, 236),
    "window": (168, 216, 248),
    "floor": (170, 116, 70),
    "plank": (128, 84, 48),
    "wave": (214, 236, 252),
}
NIGHT: dict[str, RGB] = {
    "sky": (22, 28, 62),
    "cloud": (232, 232, 246),
    "pine": (20, 50, 48),
    "grass": (50, 72, 62),
    "peak": (74, 76, 96),
    "snow": (108, 112, 136),
    "cap": (140, 144, 166),
    "sea": (24, 58, 108),
    "sand": (104, 98, 96),
    "block": (48, 50, 78),
    "pane": (240, 214, 120),
    "road": (54, 54, 72),
    "mark": (186, 176, 110),
    "dune": (88, 64, 54),
    "desert": (110, 82, 68),
    "cactus": (36, 70, 58),
    "wall": (118, 104, 110),
    "frame": (198, 190, 186),
    "window": (26, 34, 74),
    "floor": (94, 64, 48),
    "plank": (66, 44, 34),
    "wave": (76, 112, 160),
}
PAPER: dict[str, RGB] = {"day": (226, 212, 182), "night": (78, 84, 112)}
PENCIL: dict[str, RGB] = {"day": (158, 140, 104), "night": (158, 164, 192)}


def _cloud(x: float, y: float, size: float) -> str:
    return " ".join(
        oval(x + dx * size, y + dy * size, r * size)
        for dx, dy, r in ((-0.8, 0.1, 0.55), (0, -0.2, 0.75), (0.8, 0.1, 0.55))
    )


def _sky(rng: Random, time: str) -> list[Piece]:
    pieces = [("sky", box(-2, -2, 102, 102))]
    if time == "night":
        stars = ((rng.uniform(2, 98), rng.uniform(2, 40), rng.uniform(0.3, 0.7)) for _ in range(14))
        return [*pieces, ("cloud", " ".join(oval(*star) for star in stars))]
    for _ in range(rng.randint(1, 2)):
        cloud = _cloud(rng.uniform(12, 88), rng.uniform(7, 20), rng.uniform(4.5, 7))
        pieces.append(("cloud", cloud))
    return pieces


def _forest(rng: Random) -> list[Piece]:
    pines, x = "", -6.0
    while x < 102:
        half, top = rng.uniform(5, 8), rng.uniform(14, 28)
        pines += f"M{x - half},58 L{x},{top} L{x + half},58 Z "
        x += half * 1.3
    return [("pine", pines), ("grass", box(-2, 54, 102, 102))]


def _mountain(rng: Random) -> list[Piece]:
    pieces: list[Piece] = []
    for x in (rng.uniform(8, 30), rng.uniform(66, 92)):
        top, half = rng.uniform(14, 24), rng.uniform(34, 44)
        slope = half / (64 - top)
        pieces.append(("peak", f"M{x - half},64 L{x},{top} L{x + half},64 Z"))
        low = top + 12
        cap = f"M{x},{top} L{x + slope * 12},{low} L{x + 3},{low - 4} L{x - 2},{low + 1} "
        pieces.append(("cap", cap + f"L{x - slope * 12},{low} Z"))
    ground = "M-2,60 C25,52 60,66 102,56 L102,102 L-2,102 Z"
    return [*pieces, ("snow", ground)]


def _beach(rng: Random) -> list[Piece]:
    line = rng.uniform(40, 46)
    waves = " ".join(
        f"M{x},{line + 5} C{x + 2},{line + 3} {x + 4},{line + 3} {x + 6},{line + 5}"
        for x in (rng.uniform(0, 90) for _ in range(4))
    )
    shore = f"M-2,{line + 17} C30,{line + 11} 65,{line + 20} 102,{line + 13} L102,102 L-2,102 Z"
    return [("sea", box(-2, line, 102, 102)), ("~wave", waves), ("sand", shore)]


def _city(rng: Random) -> list[Piece]:
    blocks, panes, x = "", "", -3.0
    while x < 100:
        width, top = rng.uniform(11, 17), rng.uniform(12, 36)
        blocks += box(x, top, x + width, 60) + " "
        y = top + 4
        while y < 50:
            for dx in (0.22, 0.6):
                if rng.random() < 0.8:
                    panes += box(x + width * dx, y, x + width * (dx + 0.2), y + 3.5) + " "
            y += 8
        x += width + 0.6
    marks = " ".join(box(m, 79, m + 10, 81) for m in (4, 28, 52, 76))
    return [("block", blocks), ("pane", panes), ("road", box(-2, 58, 102, 102)), ("mark", marks)]


def _desert(rng: Random) -> list[Piece]:
    x, y = rng.choice((rng.uniform(6, 16), rng.uniform(84, 94))), rng.uniform(34, 40)
    cactus = (
        f"M{x - 2.5},66 L{x - 2.5},{y} C{x - 2.5},{y - 4} {x + 2.5},{y - 4} {x + 2.5},{y} L{x + 2.5},66 Z "
        + box(x + 2, y + 11, x + 8, y + 14)
        + box(x + 5, y + 4, x + 8, y + 14)
        + box(x - 8, y + 15, x - 2, y + 18)
        + box(x - 8, y + 8, x - 5, y + 18)
    )
    far = "M-2,58 C20,40 40,44 58,54 C74,44 90,46 102,54 L102,102 L-2,102 Z"
    near = "M-2,66 C30,56 60,72 102,62 L102,102 L-2,102 Z"
    return [("dune", far), ("cactus", cactus), ("desert", near)]


def _room(rng: Random) -> list[Piece]:
    x, y = rng.uniform(8, 64), rng.uniform(5, 10)
    panes = " ".join(box(x + dx, y + dy, x + dx + 11, y + dy + 12) for dx in (2, 15) for dy in (2, 16))
    planks = " ".join(f"M-2,{line} L102,{line}" for line in (75, 83, 92))
    return [
        ("wall", box(-2, -2, 102, 102)),
        ("frame", box(x, y, x + 28, y + 30)),
        ("window", panes),
        ("floor", box(-2, 67, 102, 102)),
        ("~plank", planks),
    ]


_SETTINGS = {
    "forest": _forest,
    "mountain": _mountain,
    "beach": _beach,
    "city": _city,
    "desert": _desert,
    "room": _room,
}


def backdrop(setting: str, time: str, rng: Random) -> list[Piece]:
    """The pieces of a setting, back to front; a name that starts with ``~`` is a line."""
    sky = [] if setting == "room" else _sky(rng, time)
    return sky + _SETTINGS[setting](rng)
