"""The outlines of the 24 categories, as SVG paths in a 100 × 100 box (y grows downwards).

Each shape is a list of (fill, path). Fills: ``body`` is the object's colour, ``shade`` and
``light`` are tints of it, ``line`` has no fill, the rest are fixed colours of ``FIXED``.
"""

from __future__ import annotations

FIXED = {
    "ink": (34, 34, 38),
    "paper": (252, 250, 242),
    "leaf": (58, 150, 66),
    "wood": (139, 90, 48),
    "glass": (178, 222, 248),
    "flame": (255, 170, 40),
    "metal": (196, 200, 206),
    "cream": (246, 226, 190),
}


def oval(x: float, y: float, rx: float, ry: float | None = None) -> str:
    """An ellipse as four Bézier curves (0.5523 is the usual circle constant)."""
    ry = rx if ry is None else ry
    kx, ky = rx * 0.5523, ry * 0.5523
    return (
        f"M{x - rx},{y} C{x - rx},{y - ky} {x - kx},{y - ry} {x},{y - ry} "
        f"C{x + kx},{y - ry} {x + rx},{y - ky} {x + rx},{y} "
        f"C{x + rx},{y + ky} {x + kx},{y + ry} {x},{y + ry} "
        f"C{x - kx},{y + ry} {x - rx},{y + ky} {x - rx},{y} Z"
    )


def box(left: float, top: float, right: float, bottom: float) -> str:
    """A rectangle."""
    return f"M{left},{top} L{right},{top} L{right},{bottom} L{left},{bottom} Z"


def _petals() -> list[tuple[str, str]]:
    centres = ((50, 16), (72, 29), (72, 53), (50, 66), (28, 53), (28, 29))
    return [("body", oval(x, y, 14)) for x, y in centres]


SHAPES: dict[str, list[tuple[str, str]]] = {
    "apple": [
        ("line", "M50,28 C50,18 53,10 58,5"),
        ("leaf", "M52,20 C40,20 32,14 30,5 C42,3 50,9 52,20 Z"),
        ("body", "M50,28 C38,18 6,20 7,54 C8,82 30,97 50,91 C70,97 92,82 93,54 C94,20 62,18 50,28 Z"),
    ],
    "tree": [
        ("wood", "M41,60 L38,97 L62,97 L59,60 Z"),
        ("body", "M25,68 C4,66 2,42 20,38 C16,14 44,2 54,16 C76,4 90,24 82,38 C100,44 96,68 76,68 Z"),
    ],
    "house": [
        ("body", box(16, 44, 84, 95)),
        ("shade", "M4,48 L50,6 L96,48 Z"),
        ("wood", box(42, 66, 58, 95)),
        ("glass", box(22, 56, 36, 70)),
        ("glass", box(64, 56, 78, 70)),
    ],
    "car": [
        ("body", "M4,72 L4,54 C6,46 16,46 22,45 L34,26 L70,26 L82,46 C92,47 97,52 97,60 L97,72 Z"),
        ("glass", "M31,45 L39,32 L51,32 L51,45 Z"),
        ("glass", "M56,45 L56,32 L67,32 L74,45 Z"),
        ("ink", oval(25, 73, 12)),
        ("ink", oval(75, 73, 12)),
        ("metal", oval(25, 73, 5)),
        ("metal", oval(75, 73, 5)),
    ],
    "boat": [
        ("wood", box(46, 6, 51, 66)),
        ("paper", "M54,12 L86,58 L54,58 Z"),
        ("light", "M43,18 L43,58 L16,58 Z"),
        ("body", "M4,66 L96,66 L80,94 L22,94 Z"),
    ],
    "cat": [
        ("line", "M70,88 C96,92 98,66 86,56"),
        ("body", "M28,94 C22,74 28,54 40,50 L60,50 C72,54 78,74 72,94 Z"),
        ("body", "M24,4 L40,16 L60,16 L76,4 L80,34 C80,66 20,66 20,34 Z"),
        ("ink", oval(38, 34, 4)),
        ("ink", oval(62, 34, 4)),
        ("ink", "M46,43 L54,43 L50,48 Z"),
        ("line", "M50,48 L50,53 M18,44 L34,46 M82,44 L66,46"),
    ],
    "dog": [
        ("body", "M84,52 C96,50 96,36 92,28 C88,36 84,40 78,44 Z"),
        ("body", "M22,46 L82,44 L86,94 L73,94 L71,72 L40,72 L38,94 L25,94 Z"),
        ("body", "M8,34 C4,34 3,24 12,22 C16,8 44,6 46,22 L46,50 L22,50 C16,46 14,38 8,34 Z"),
        ("shade", "M34,12 C50,8 54,32 48,44 C38,44 34,28 34,12 Z"),
        ("ink", oval(24, 23, 3.5)),
        ("ink", oval(8, 27, 4.5)),
    ],
    "bird": [
        ("flame", "M40,80 L38,97 L43,97 L45,82 Z M56,80 L57,97 L62,97 L61,80 Z"),
        ("flame", "M18,28 L2,34 L18,40 Z"),
        (
            "body",
            "M16,34 C14,8 46,4 50,28 C52,44 70,46 78,52 L97,44 L94,72 "
            "L80,66 C72,88 26,92 22,58 C21,48 17,42 16,34 Z",
        ),
        ("shade", "M42,54 C56,48 70,54 74,62 C64,76 46,74 42,54 Z"),
        ("ink", oval(31, 27, 4)),
    ],
    "fish": [
        ("shade", "M70,50 L97,22 L92,50 L97,78 Z"),
        ("shade", "M34,30 C44,14 58,14 64,30 Z"),
        ("body", "M3,50 C18,20 56,18 78,50 C56,82 18,80 3,50 Z"),
        ("line", "M32,34 C40,44 40,56 32,66"),
        ("ink", oval(20, 45, 4.5)),
    ],
    "flower": [
        ("line", "M50,60 L50,98"),
        ("leaf", "M50,90 C60,70 76,70 84,74 C80,88 66,94 50,90 Z"),
        *_petals(),
        ("flame", oval(50, 41, 13)),
    ],
    "mug": [
        ("line", "M34,24 C28,16 40,12 34,3 M52,24 C46,16 58,12 52,3"),
        ("light", "M68,42 C98,36 98,80 68,76 L68,66 C84,68 84,50 68,52 Z"),
        ("body", "M12,32 L72,32 L70,95 L16,95 Z"),
        ("ink", oval(42, 32, 30, 7)),
    ],
    "chair": [
        ("shade", box(20, 4, 32, 60)),
        ("body", box(20, 50, 82, 62)),
        ("body", box(20, 62, 30, 97)),
        ("body", box(72, 62, 82, 97)),
        ("shade", box(36, 62, 43, 88)),
        ("body", box(32, 12, 40, 50)),
    ],
    "umbrella": [
        ("line", "M50,12 L50,84 C50,98 68,98 68,84"),
        ("body", "M4,54 C6,4 94,4 96,54 C86,44 76,44 66,54 C58,44 42,44 34,54 C24,44 14,44 4,54 Z"),
        ("line", "M50,14 C36,24 34,40 34,54 M50,14 C64,24 66,40 66,54 M50,14 L50,4"),
    ],
    "ball": [
        ("body", oval(50, 50, 45)),
        ("light", "M50,5 C80,20 80,80 50,95 C20,95 5,75 5,50 C30,60 50,40 50,5 Z"),
        ("paper", oval(50, 50, 10)),
    ],
    "kite": [
        ("line", "M50,72 C40,82 60,86 50,98"),
        ("body", "M50,3 L86,34 L50,74 L14,34 Z"),
        ("light", "M50,3 L86,34 L50,34 Z M50,34 L50,74 L14,34 Z"),
        ("shade", "M34,84 L50,90 L34,97 Z M66,84 L50,90 L66,97 Z"),
    ],
    "star": [("body", "M50,4 L63,37 L98,39 L71,61 L80,96 L50,76 L20,96 L29,61 L2,39 L37,37 Z")],
    "moon": [("body", "M40,3 C104,12 104,88 40,97 C70,76 70,24 40,3 Z")],
    "book": [
        ("body", "M1,12 L50,18 L99,12 L99,88 L50,95 L1,88 Z"),
        ("paper", "M13,18 C26,15 42,18 50,24 L50,78 C42,72 26,70 13,72 Z"),
        ("paper", "M87,18 C74,15 58,18 50,24 L50,78 C58,72 74,70 87,72 Z"),
        ("line", "M20,34 L42,38 M20,48 L42,52 M58,38 L80,34 M58,52 L80,48"),
    ],
    "clock": [
        ("shade", "M24,78 L14,97 L24,97 L34,84 Z M76,78 L86,97 L76,97 L66,84 Z"),
        ("body", oval(50, 48, 44)),
        ("paper", oval(50, 48, 30)),
        ("line", "M50,48 L50,26 M50,48 L64,56"),
    ],
    "hat": [
        ("body", oval(50, 82, 48, 13)),
        ("body", "M26,82 L20,12 C36,4 64,4 80,12 L74,82 C60,90 40,90 26,82 Z"),
        ("shade", "M24.5,62 C40,70 60,70 75.5,62 L74,82 C60,90 40,90 26,82 Z"),
    ],
    "mushroom": [
        ("cream", "M38,52 C42,74 38,84 34,96 L66,96 C62,84 58,74 62,52 Z"),
        ("body", "M3,56 C4,-8 96,-8 97,56 C70,66 30,66 3,56 Z"),
        ("paper", oval(30, 36, 9)),
        ("paper", oval(56, 22, 8)),
        ("paper", oval(72, 42, 8)),
    ],
    "balloon": [
        ("line", "M50,76 C40,84 60,90 50,99"),
        ("body", "M50,70 L42,78 L58,78 Z"),
        ("body", "M50,3 C92,3 88,54 50,72 C12,54 8,3 50,3 Z"),
        ("light", "M30,32 C28,20 36,14 43,14 C38,20 36,26 37,34 Z"),
    ],
    "candle": [
        ("metal", oval(50, 90, 38, 8)),
        ("body", box(34, 40, 66, 90)),
        ("line", "M50,40 L50,28"),
        ("flame", "M50,2 C66,18 62,32 50,33 C38,32 34,18 50,2 Z"),
    ],
    "guitar": [
        ("wood", box(45, 4, 55, 48)),
        ("ink", box(40, 2, 60, 13)),
        ("body", "M50,40 C70,34 76,50 68,58 C88,66 84,98 50,97 C16,98 12,66 32,58 C24,50 30,34 50,40 Z"),
        ("ink", oval(50, 62, 8)),
        ("ink", box(38, 80, 62, 85)),
    ],
}
