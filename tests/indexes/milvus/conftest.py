"""Small indexes made of numbers, and what Milvus Lite is asked of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from likebut.indexes.contract import OF_CAPTIONS, EncoderId
from likebut.indexes.items import Item
from likebut.indexes.writing import Content, write_index

Make = Callable[..., Path]


def unit(rows: NDArray[Any]) -> NDArray[Any]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def random_rows(count: int, dimension: int, seed: int = 0) -> NDArray[Any]:
    return unit(np.random.default_rng(seed).standard_normal((count, dimension))).astype(np.float16)


def write(
    folder: Path,
    vectors: NDArray[Any],
    ids: Sequence[str] | None = None,
    captions: NDArray[Any] | None = None,
    fingerprint: str = "f" * 64,
) -> Path:
    """An index of these vectors; with ``captions`` a side of them, too. Contents are as the ids are."""
    names = ids or [f"{number:06d}.png" for number in range(len(vectors))]
    items = [
        Item(n, name, f"/pictures/{name}", name.encode().hex().ljust(64, "0")[:64], None, 10 * n, n)
        for n, name in enumerate(names)
    ]
    said = [Item(**{**vars(item), "caption": f"it is {item.id}"}) for item in items]
    for place, rows, preprocessing, listed in (
        (folder, vectors, "square", items),
        (folder / "captions", captions, OF_CAPTIONS, said),
    ):
        if rows is not None:
            place.mkdir(parents=True, exist_ok=True)
            made = EncoderId("test", fingerprint, preprocessing)
            gather = _gather(rows)
            write_index(place, Content(made, rows.shape[1], str(rows.dtype), listed, (), (), gather))
    return folder


def _gather(rows: NDArray[Any]) -> Callable[[int, int], NDArray[Any]]:
    return lambda start, stop: rows[start:stop]


@pytest.fixture(scope="session", autouse=True)
def lite() -> None:
    """The tests of this folder need the extra."""
    reason = "needs pip install 'likebut[milvus]'"
    pytest.importorskip("pymilvus", reason=reason)
    pytest.importorskip("milvus_lite", reason=reason)
