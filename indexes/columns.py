"""Where a value stands in a column of an Arrow table: text, or bytes.

The column's buffers are looked at: importing ``pyarrow.compute`` takes longer than many a search.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEW = 4  # places that are compared one by one


def places(column: Any, value: str | bytes) -> list[int]:
    """The places of a chunked array that hold ``value``, ascending; nulls hold nothing."""
    wanted = value.encode(errors="surrogatepass") if isinstance(value, str) else value
    found: list[int] = []
    first = 0
    for chunk in column.chunks:
        likely = _of_one_width(chunk, wanted) if _width(chunk.type) else _of_any_width(chunk, wanted)
        found += [first + int(at) for at in likely if chunk[int(at)].as_py() == value]
        first += len(chunk)
    return found


def _width(kind: Any) -> int:
    """The bytes of a value where all have so many, else 0."""
    import pyarrow as pa

    return int(kind.byte_width) if pa.types.is_fixed_size_binary(kind) else 0


def _of_one_width(chunk: Any, wanted: bytes) -> NDArray[np.int64]:
    """Places that may hold it."""
    import numpy as np

    width, (_, data) = _width(chunk.type), chunk.buffers()
    if len(wanted) != width or not len(chunk):
        return np.empty(0, np.int64)
    values = np.frombuffer(data, f"S{width}", len(chunk), chunk.offset * width)
    return np.flatnonzero(values == wanted)


def _of_any_width(chunk: Any, wanted: bytes) -> NDArray[np.int64]:
    """Places that may hold it: of its length, narrowed from the end, where names differ."""
    import numpy as np

    if not len(chunk):
        return np.empty(0, np.int64)
    _, bounds, data = chunk.buffers()
    offsets = np.frombuffer(bounds, np.int32, len(chunk) + 1, chunk.offset * 4)
    likely = np.flatnonzero(np.diff(offsets) == len(wanted))
    letters = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
    for place in reversed(range(len(wanted))):
        if len(likely) <= FEW:
            break
        likely = likely[letters[offsets[likely] + place] == wanted[place]]
    return likely
