"""What pictures of a wide gamut lose by being read as they are: cosines with the same pictures in sRGB.

    python -m tests.gamut [PROFILE]

The thirteen photographs that likebut ships are taken into each space, as a camera would store them, and
encoded without a conversion, as open_clip does.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import likebut.pipeline.pocket
from likebut.pipeline.config.files import load_profile
from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec

D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
# Primaries (x, y), white, and exponent, 0 for the curve of sRGB: SMPTE EG 432-1; Adobe 1998; ISO 22028-2.
SPACES: dict[str, tuple[Any, tuple[float, float], float]] = {
    "Display P3": (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65, 0),
    "Adobe RGB": (((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65, 2.2),
    "ProPhoto": (((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), D50, 1.8),
}
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def to_xyz(xy: tuple[float, float]) -> Any:
    return np.array([xy[0] / xy[1], 1, (1 - xy[0] - xy[1]) / xy[1]])


def matrix(primaries: Any, white: tuple[float, float]) -> Any:
    """From linear RGB to XYZ."""
    columns = np.array([to_xyz(one) for one in primaries]).T
    return columns * np.linalg.solve(columns, to_xyz(white))


def stored(image: Image.Image, space: str) -> Image.Image:
    """The numbers that a picture in sRGB has in another space."""
    primaries, white, exponent = SPACES[space]
    adapted = np.diag((BRADFORD @ to_xyz(white)) / (BRADFORD @ to_xyz(D65)))
    turn = np.linalg.inv(BRADFORD) @ adapted @ BRADFORD @ matrix(SRGB, D65)
    turn = np.linalg.inv(matrix(primaries, white)) @ turn
    level = np.asarray(image) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4) @ turn.T
    linear = linear.clip(0, 1)
    if exponent:
        level = linear ** (1 / exponent)
    else:
        level = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return Image.fromarray(np.rint(255 * level).astype(np.uint8))


def main(profile: str = "photos") -> None:
    chosen = load_profile(profile).encoder
    encoder = make_encoder(
        EncoderSpec(chosen.encoder, chosen.model, chosen.pretrained, options=chosen.options)
    )
    folder = Path(likebut.pipeline.pocket.__path__[0]) / "photographs"
    images = [Image.open(path).convert("RGB") for path in sorted(folder.glob("*.jpg"))]
    plain = encoder.encode_prepared([encoder.prepare(image) for image in images])
    for space in SPACES:
        rows = encoder.encode_prepared([encoder.prepare(stored(image, space)) for image in images])
        cosines = (rows * plain).sum(axis=1)
        print(f"{space:10} of {len(images)}: cosine {cosines.mean():.4f}, least {cosines.min():.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
