"""Indexes of vectors that are made up, without pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from likebut.indexes.contract import OF_CAPTIONS, EncoderId
from likebut.indexes.items import Item
from likebut.indexes.store import Index
from likebut.indexes.writing import Content, write_index

ENCODER = EncoderId("made-up", "f" * 64, "none")


def unit(rows: Any) -> Any:
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def put(folder: Path, vectors: Any, names: Sequence[int] | None = None, captions: bool = False) -> Index:
    """Write the index in ``folder``: a row for each of the (n, d) vectors, of items of these numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    named = range(len(vectors)) if names is None else names
    items = [Item(row, f"{n:08d}", f"/x/{n:08d}", f"{n:064x}") for row, n in enumerate(named)]
    rows = np.asarray(vectors).astype(np.float16)
    encoder = EncoderId("made-up", "f" * 64, OF_CAPTIONS) if captions else ENCODER
    write_index(
        folder,
        Content(encoder, rows.shape[1], "float16", items, (), (), lambda start, stop: rows[start:stop]),
    )
    return Index.open(folder)
