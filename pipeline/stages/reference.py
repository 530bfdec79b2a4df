"""Reference pictures and the gallery: their vectors, and the rows that show them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...indexes.videos import frame_of
from ..asking.composed import composed_vectors
from ..asking.encoder import CachedEncoder
from ..records.keys import file_hash
from ..records.trace import Query, Trace
from ..scoring.contract import unit
from .closer import regions_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...indexes.contract import Gallery


def vectors_seen(
    traces: Sequence[Trace], index: Gallery, encoder: CachedEncoder
) -> list[NDArray[Any] | None]:
    """A (d,) unit vector per trace: of its reference's row, else of the picture; None without one.

    A picture that the gallery holds is not encoded.
    """
    rows = [_row(trace.query, index) for trace in traces]
    pictures = [trace.query.reference for trace in traces]
    others = list(dict.fromkeys(p for p, row in zip(pictures, rows, strict=True) if p and row is None))
    encoded = dict(zip(others, encoder.encode_files(others), strict=True)) if others else {}
    return [
        unit(index.take([row])[0]) if row is not None else encoded[picture] if picture else None
        for row, picture in zip(rows, pictures, strict=True)
    ]


def parts_seen(
    traces: Sequence[Trace], index: Gallery, encoder: CachedEncoder
) -> list[NDArray[Any] | None]:
    """The (R, d) unit vectors of the parts of references, made as the gallery's are; None without one.

    Raises ConfigError for a gallery without regions.
    """
    regions = regions_of(index)
    rows = [_row(trace.query, index) for trace in traces]
    pictures = [trace.query.reference for trace in traces]
    others = list(dict.fromkeys(p for p, row in zip(pictures, rows, strict=True) if p and row is None))
    found = encoder.encode_region_files(others, regions.kind) if others else []
    encoded = dict(zip(others, found, strict=True))
    return [
        regions.take([row])[0] if row is not None else encoded[picture] if picture else None
        for row, picture in zip(rows, pictures, strict=True)
    ]


def composed_of(
    traces: Sequence[Trace], index: Gallery, encoder: CachedEncoder
) -> list[NDArray[Any] | None]:
    """A (d,) unit vector per trace, of its reference and its sentence together; None without both.

    Raises ConfigError where the encoder has no such vectors.
    """
    asked = [_pair(trace.query, index) for trace in traces]
    pairs = list(dict.fromkeys(pair for pair in asked if pair))
    found = dict(zip(pairs, composed_vectors(encoder, pairs), strict=True))
    return [found[pair] if pair else None for pair in asked]


def _pair(query: Query, index: Gallery) -> tuple[Path, str] | None:
    if not query.referring or not query.modification:
        return None
    if query.reference is not None:
        return query.reference, query.modification
    (item,) = index.items([query.row if query.row is not None else 0])
    return Path(item.path), query.modification


def _row(query: Query, index: Gallery) -> int | None:
    """The row that stands for the reference, or shows what it shows."""
    if query.row is not None or query.reference is None:
        return query.row
    return next(iter(index.rows_of_hash(file_hash(query.reference))), None)


def rows_showing(path: Path, index: Gallery) -> list[int]:
    """The rows that show the picture itself: the same content, or the same file, of a video every frame."""
    rows = set(index.rows_of_hash(file_hash(path)))
    frame = frame_of(str(path))
    frames = [frame._replace(number=n + 1).address for n in range(frame.of)] if frame else [path]
    found = (index.row_of(Path(name)) for name in frames)
    return sorted(rows | {row for row in found if row is not None})
