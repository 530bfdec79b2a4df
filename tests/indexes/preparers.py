"""An encoder whose preparing goes to other processes, and what can go wrong with it there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RED = (255, 0, 0)


@dataclass(frozen=True)
class MeanPreparing:
    """The mean colour of a picture; ``red`` says what a red one does: nothing, "kill" or "bug"."""

    red: str = ""
    seconds: float = 0.0
    draft_size: int = 8

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        time.sleep(self.seconds)
        mean = np.asarray(image, np.float32).reshape(-1, 3).mean(axis=0)
        if self.red == "kill" and mean.tolist() == list(RED):
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.red == "bug" and mean.tolist() == list(RED):
            raise KeyError("red")
        return mean


class Travelling:
    """Encodes as the encoder of `conftest` does; its preparing travels."""

    name, fingerprint, preprocessing, dimension = "mean-colour", "f" * 64, "mean", 4

    def __init__(self, preparing: MeanPreparing | None = None, fails: bool = False) -> None:
        self.preparing, self.fails = preparing or MeanPreparing(), fails
        self.draft_size = self.preparing.draft_size

    def prepare(self, image: Image.Image) -> NDArray[Any]:
        return self.preparing.prepare(image)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        if self.fails:
            raise RuntimeError("the device is gone")
        rows = np.concatenate([np.stack(batch) / 255, np.ones((len(batch), 1))], 1).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
