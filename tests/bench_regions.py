"""Part of `make bench`: what grains of regions add to a query over 100,000 pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from likebut.indexes import codes
from likebut.indexes.contract import Box
from likebut.indexes.exact import Exact
from likebut.indexes.items import Item
from likebut.pipeline.config.parts import Fusion, RegionScore
from likebut.pipeline.records.trace import Grain, Scope
from likebut.pipeline.stages.search import search

ROWS, WIDE, CODE = 100_000, 512, 32
Row = tuple[str, str, str]


class Side:
    """Vectors of whole pictures, and of their parts by ``take_parts``, without files of items."""

    folder, count, dimension, kind = Path(), ROWS, WIDE, "crops"
    mu, sigma = np.zeros(WIDE), np.eye(WIDE)

    def __init__(self, vectors: Any, parts: int, take_parts: Callable[[Any], Any]) -> None:
        self._vectors, self._take = vectors, take_parts
        self.boxes = [Box(0, 0, 1, 1)] * parts

    @property
    def regions(self) -> Any:
        return _Parts(self.boxes, self._take)

    def side(self, name: str) -> Side:
        return self

    def vectors(self) -> list[Any]:
        return [self._vectors]

    def take(self, rows: Any) -> Any:
        return self._vectors[rows].astype(np.float32)

    def items(self, rows: Sequence[int]) -> list[Item]:
        return [Item(row, str(row), "", "") for row in rows]


class _Parts:
    kind = "crops"

    def __init__(self, boxes: list[Box], take: Callable[[Any], Any]) -> None:
        self.boxes, self.take = boxes, take


def bench_regions(work: Path, seconds: Callable[..., float]) -> list[Row]:
    """A plain query beside one with five grains of regions: over crops, and over coded patches."""
    rng = np.random.default_rng(0)
    whole = _file(work / "whole.npy", (ROWS, WIDE), rng)
    crops = _file(work / "crops.npy", (ROWS, 5 * WIDE), rng)
    coded = _file(work / "codes.npy", (ROWS, 49 * CODE), rng, np.uint8)
    book = rng.standard_normal((CODE, codes.CENTROIDS, WIDE // CODE)).astype(np.float32)
    sides = {
        "5 crops": Side(whole, 5, lambda rows: crops[rows].astype(np.float32).reshape(-1, 5, WIDE)),
        "49 patches, 32 bytes each": Side(
            whole, 49, lambda rows: codes.decode(book, coded[rows].reshape(-1, CODE)).reshape(-1, 49, WIDE)
        ),
    }
    units = rng.standard_normal((6, WIDE)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    first, *others = [Grain(f"g{n}", "target_caption", 1.0, vector) for n, vector in enumerate(units)]
    closer = [Grain(f"region/{g.name}", "region/desired", 0.2, g.vector) for g in others]

    def ask(side: Any, grains: list[Grain], pool: int) -> Any:
        return search(side, [grains], Fusion(), 10, [Scope()], Exact(), RegionScore(pool=pool))

    plain = seconds(partial(ask, sides["5 crops"], [first], 10), 7)
    rows = [(f"a plain query over {ROWS:,} pictures", f"{plain * 1000:.0f} ms", "best of 7")]
    for name, side in sides.items():
        for pool in (200, 1000):
            spent = seconds(partial(ask, side, [first, *closer], pool), 7)
            what = f"… five grains of regions, {name}, pool {pool}"
            rows.append((what, f"{spent / plain:.1f} ×", f"{spent * 1000:.0f} ms"))
    return rows


def _file(path: Path, shape: tuple[int, int], rng: Any, dtype: Any = np.float16) -> Any:
    """A mapped file of random rows, of unit length in every vector of WIDE numbers."""
    data = np.lib.format.open_memmap(path, "w+", dtype, shape)
    for start in range(0, len(data), 10_000):
        if dtype is np.uint8:
            data[start : start + 10_000] = rng.integers(0, 256, (10_000, shape[1]), np.uint8)
        else:
            data[start : start + 10_000] = rng.standard_normal((10_000, shape[1]), np.float32) / WIDE**0.5
    data.flush()
    return np.load(path, mmap_mode="r")
