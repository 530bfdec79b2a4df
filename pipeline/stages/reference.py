"""Reference pictures and the gallery: their vectors, and the rows that show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.asking.encoder import CachedEncoder
from pipeline.records.keys import file_hash
from pipeline.records.trace import Trace
from pipeline.scoring.whole import unit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexes.store import Index


def vectors_seen(
    traces: Sequence[Trace], index: Index, encoder: CachedEncoder
) -> list[NDArray[Any] | None]:
    """A (d,) unit vector per trace: of the row of its reference, else of the picture; or None."""
    shown = [t for t in traces if t.query.row is None and t.query.reference is not None]
    paths = list(dict.fromkeys(t.query.reference for t in shown if t.query.reference))
    seen = dict(zip(paths, reference_vectors(paths, index, encoder), strict=True)) if paths else {}
    return [
        unit(index.vector(t.query.row))
        if t.query.row is not None
        else seen.get(t.query.reference)
        if t.query.reference
        else None
        for t in traces
    ]


def reference_vectors(paths: Sequence[Path], index: Index, encoder: CachedEncoder) -> list[Any]:
    """A (d,) unit vector per picture; that of one that the gallery holds is taken from the index."""
    import numpy as np

    vectors: dict[Path, Any] = {}
    for path in paths:
        rows = index.rows_of_hash(file_hash(path))
        if rows:
            vector = np.asarray(index.vector(rows[0]), np.float32)
            vectors[path] = vector / np.linalg.norm(vector)
    others = list(dict.fromkeys(path for path in paths if path not in vectors))
    if others:
        vectors |= dict(zip(others, encoder.encode_files(others), strict=True))
    return [vectors[path] for path in paths]


def rows_showing(path: Path, index: Index) -> list[int]:
    """The rows that show the picture itself: the same content, or the same file."""
    rows = set(index.rows_of_hash(file_hash(path)))
    row = index.row_of(path)
    return sorted(rows | ({row} if row is not None else set()))
