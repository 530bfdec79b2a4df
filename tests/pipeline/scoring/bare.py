"""A gallery that is nothing but vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Bare:
    shards: list[NDArray[Any]]

    def side(self, name: str) -> Bare | None:
        return self if name == "pictures" else None

    def vectors(self) -> list[NDArray[Any]]:
        return self.shards

    def take(self, rows: Sequence[int]) -> NDArray[np.float32]:
        taken: NDArray[np.float32] = np.concatenate(self.shards)[rows].astype(np.float32)
        return taken

    @property
    def mu(self) -> NDArray[np.float64]:
        return np.concatenate(self.shards).astype(np.float64).mean(0)
