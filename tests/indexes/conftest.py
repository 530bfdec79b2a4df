"""A gallery that one can compute by hand: the encoder turns a picture into its mean colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image


class MeanColour:
    """Encodes a picture as its mean (red, green, blue) plus a constant, of unit length."""

    name = "mean-colour"
    preprocessing = "mean"
    dimension = 4
    draft_size = 8

    def __init__(self, fingerprint: str = "f" * 64) -> None:
        self.fingerprint = fingerprint
        self.batches: list[int] = []

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        assert image.mode == "RGB"
        return np.asarray(image, np.float32).reshape(-1, 3).mean(axis=0)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        self.batches.append(len(batch))
        return colour_vectors(np.stack(batch))


def colour_vectors(colours: Any) -> NDArray[np.float32]:
    """(n, 3) colours from 0 to 255 as the (n, 4) rows that MeanColour gives."""
    wide = np.asarray(colours, np.float32) / 255
    rows = np.concatenate([wide, np.ones((len(wide), 1), np.float32)], axis=1)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def encoder() -> MeanColour:
    return MeanColour()


@pytest.fixture
def paint() -> Callable[..., Path]:
    """Writes a picture of one colour and gives its path."""

    def _paint(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (8, 8)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, colour).save(path, "PNG" if path.suffix == ".png" else "JPEG")
        return path

    return _paint


@pytest.fixture
def gallery(tmp_path: Path, paint: Callable[..., Path]) -> Path:
    """red.png, green.png and deep/blue.png."""
    folder = tmp_path / "gallery"
    paint(folder / "red.png", (255, 0, 0))
    paint(folder / "green.png", (0, 255, 0))
    paint(folder / "deep" / "blue.png", (0, 0, 255))
    return folder
