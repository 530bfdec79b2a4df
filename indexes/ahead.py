"""Reading ahead: what will be looked at, of a mapped file that is on the disk rather than in memory.

A page that is not in memory is waited for when it is touched, one after another, and the system reads
what lies around it, too. The 800 rows that a first query over ten million was scored on took 2.9 s so,
and its lists 0.5 s; when the system was asked for them beforehand, 0.02 and 0.05 s. Asking takes a few
microseconds each, so it is done once one was waited for, which the system counts for every thread.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

if sys.platform == "linux":
    import resource

FIRST, MORE = 4, 8  # rows, and times as many each time, after which it is asked whether one was waited for
TOUCHED = 8  # lists that are touched
AROUND = 1 << 17  # bytes that a system reads around a page

Part = tuple["NDArray[Any]", "NDArray[np.int64]", "NDArray[np.int64]"]  # an array, rows of it, and places


def gather(parts: Sequence[Part], taken: NDArray[Any]) -> None:
    """Copy rows of (n, d) arrays to places in ``taken``."""
    wanted = sum(len(rows) for _, rows, _ in parts)
    # of rows that lie near each other, what is read around one is wanted for others
    watched = wanted * AROUND < sum(array.nbytes for array, _, _ in parts)
    pieces, before = list(_pieces(parts)) if watched else parts, _waited()
    for number, (array, rows, places) in enumerate(pieces, 1):
        taken[places] = array[rows]
        if watched and _waited() > before:
            watched = False
            _ask(stretch for array, rows, _ in pieces[number:] for stretch in _rows(array, rows))


def lists_ahead(lists: Any, numbers: NDArray[np.int64]) -> None:
    """Read some lists of faiss, by their numbers, in any order; -1 is none."""
    numbers = numbers[numbers >= 0]
    before = _waited()
    for one in numbers[:TOUCHED].tolist():
        if lists.list_size(one):
            ctypes.string_at(int(lists.get_codes(one)), 1)
    if _waited() > before:
        filled = [(one, size) for one in numbers.tolist() if (size := lists.list_size(one))]
        _ask((int(lists.get_codes(one)), size * lists.code_size) for one, size in filled)
        _ask((int(lists.get_ids(one)), size * 8) for one, size in filled)


def _pieces(parts: Sequence[Part]) -> Iterator[Part]:
    """Few rows first, and not many afterwards."""
    size = FIRST
    for array, rows, places in parts:
        at = 0
        while at < len(rows):
            yield array, rows[at : at + size], places[at : at + size]
            at, size = at + size, size * MORE


def _rows(array: NDArray[Any], rows: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    first, step = array.ctypes.data, array.strides[0]
    return ((first + row * step, step) for row in rows.tolist())


def _waited() -> int:
    """How many pages this thread has waited for; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0
    return resource.getrusage(resource.RUSAGE_THREAD).ru_majflt


def _ask(stretches: Iterable[tuple[int, int]]) -> None:
    """Let the system read these, each an address and bytes from there."""
    madvise = _madvise()
    if madvise is None:
        return
    for address, size in stretches:
        start = address // mmap.PAGESIZE * mmap.PAGESIZE
        madvise(ctypes.c_void_p(start), ctypes.c_size_t(address + size - start), mmap.MADV_WILLNEED)


@cache
def _madvise() -> Any:
    """The system's, or None; what it answers is of no concern."""
    return getattr(ctypes.CDLL(None), "madvise", None) if hasattr(mmap, "MADV_WILLNEED") else None
