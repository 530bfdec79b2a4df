"""Measured colours of a picture in words: which of the eleven basic ones cover how much, and the light.

Pixels are named by the nearest of a few examples of every word in CIELAB, where distances are about as
large as people see them; the words are the basic colour terms of English (Berlin and Kay 1969).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Examples in sRGB, from dark to light.
_EXAMPLES = {
    "red": "8b0000 b22222 dc143c ff0000 e04a3f",
    "orange": "d2691e ff7f00 ff8c1a ffa54f",
    "yellow": "c9a800 ffd700 ffff00 fff68f",
    "green": "0b3d0b 228b22 556b2f 32cd32 8fbc5a 9bcd9b",
    "blue": "00005a 0000ff 2040c8 4169e1 1e5fae 4682b4 1e90ff 87ceeb",
    "purple": "4b0082 800080 8a5fbf b39ddb",
    "pink": "c71585 ff1493 ff69b4 ffb6c1",
    "brown": "3e2411 5c4033 8b5a2b a0704a b08d62",
    "black": "000000 1c1c1c 222018",
    "gray": "555555 808080 a9a9a9",
    "white": "e6e6e6 f8f8f4",
}
WORDS = tuple(_EXAMPLES)
# Of the mean lightness, from dark to bright; words for what lies between say nothing.
_NIGHT, _DIM, _BRIGHT = 22.0, 38.0, 72.0
_PAPER = 255  # of a picture that was cut out, or padded


def shares(pixels: NDArray[Any]) -> NDArray[Any]:
    """(11,) float32 that sum to 1: how much of (h, w, 3) uint8 pixels has each of WORDS.

    Pure white does not count: it is paper around what was cut out, or padding.
    """
    import numpy as np

    seen = _seen(pixels)
    names, examples = _examples()
    nearest = ((_lab(seen)[:, None] - examples[None]) ** 2).sum(-1).argmin(1)
    counts = np.bincount(names[nearest], minlength=len(WORDS))
    return np.asarray(counts / counts.sum(), np.float32)


def named(pixels: NDArray[Any], least: float = 0.2, most: int = 2) -> list[str]:
    """The words that cover at least a share of the pixels, the largest first."""
    found = sorted(zip(shares(pixels).tolist(), WORDS, strict=True), key=lambda pair: -pair[0])
    return [word for share, word in found[:most] if share >= least]


def light(pixels: NDArray[Any]) -> str:
    """ "at night", "in dim light", "in bright light", or nothing to be said, by the mean lightness."""
    mean = float(_lab(_seen(pixels))[:, 0].mean())
    if mean < _NIGHT:
        return "at night"
    if mean < _DIM:
        return "in dim light"
    return "in bright light" if mean > _BRIGHT else ""


def _seen(pixels: NDArray[Any]) -> NDArray[Any]:
    """(n, 3) pixels of a coarse grid that are no paper; all of them where there is nothing else."""
    step = max(1, min(pixels.shape[:2]) // 48)
    flat = pixels[::step, ::step].reshape(-1, 3)
    kept = flat[(flat < _PAPER).any(1)]
    return kept if len(kept) else flat


@cache
def _examples() -> tuple[NDArray[Any], NDArray[Any]]:
    """The word of each example, by number, and its CIELAB."""
    import numpy as np

    pairs = [(n, bytes.fromhex(one)) for n, text in enumerate(_EXAMPLES.values()) for one in text.split()]
    triples = np.array([list(triple) for _, triple in pairs], np.uint8)
    return np.array([n for n, _ in pairs]), _lab(triples)


def _lab(pixels: NDArray[Any]) -> NDArray[Any]:
    """(n, 3) CIELAB under D65 of (n, 3) sRGB bytes."""
    import numpy as np

    encoded = pixels.astype(np.float32) / 255
    linear = np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ],
        np.float32,
    )
    ratio = linear @ to_xyz.T / np.array([0.95047, 1.0, 1.08883], np.float32)
    curved = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = curved.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)
