"""What tells vectors by what they are: 64 bits of a hash of each row's bytes."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .stored import Stored

BLOCK_ROWS = 16_384


def keys_of(vectors: Stored) -> NDArray[np.uint64]:
    """(rows,) a key for each vector; two that differ share one once in 2^64, and then a row is missed."""
    import numpy as np

    keys = np.empty(vectors.count, np.uint64)
    at = 0
    for shard in vectors.vectors():
        for start in range(0, len(shard), BLOCK_ROWS):
            block = np.ascontiguousarray(shard[start : start + BLOCK_ROWS])
            width, data = block.shape[1] * block.itemsize, memoryview(block).cast("B")
            hashed = b"".join(
                blake2b(data[i : i + width], digest_size=8).digest() for i in range(0, len(data), width)
            )
            keys[at : at + len(block)] = np.frombuffer(hashed, np.uint64)
            at += len(block)
    return keys


def rows_by_key(old: NDArray[np.uint64], new: NDArray[np.uint64]) -> NDArray[np.int64]:
    """(old,) where each old key is among the new ones, or -1; the nth of equals is the nth of them."""
    import numpy as np

    found = np.full(len(old), -1, np.int64)
    ours, theirs = _numbered(old), _numbered(new)
    _, here, there = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    found[here] = there
    return found


def _numbered(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The keys, of which equal ones are told apart by their order among each other."""
    import numpy as np

    order = np.argsort(keys, kind="stable")
    ranked, places = keys[order], np.arange(len(keys))
    again = np.r_[False, ranked[1:] == ranked[:-1]][: len(keys)]
    number = places - np.maximum.accumulate(np.where(again, 0, places))
    told = np.empty(len(keys), np.uint64)
    told[order] = ranked + number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return told
