"""Lists of codes as faiss's fast scan reads them, in a file that it maps.

Fast scan (André, Kermarrec, Le Scouarnec 2017, PQ fast scan) looks at 32 rows at once, whose codes lie
together in a block. The lists of blocks that faiss makes for it are read whole, not mapped. Here blocks
lie in plain lists, which faiss maps: the last block of a list is filled up, and what fills it has place
-1, which a search is told to leave out. A list grows as plain codes, and is packed when all are there.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

BLOCK = 32  # rows


def inner_of(index: Any) -> Any:
    """The index behind a transform; the index itself where there is none."""
    faiss: Any = import_module("faiss")

    whole = faiss.downcast_index(index)
    return faiss.downcast_index(whole.index) if hasattr(whole, "chain") else whole


def turn_of(index: Any) -> Any:
    """The rotation before the index behind it."""
    faiss: Any = import_module("faiss")

    return faiss.downcast_VectorTransform(faiss.downcast_index(index).chain.at(0))


def is_packed(inner: Any) -> bool:
    """Whether its lists are blocks for fast scan."""
    faiss: Any = import_module("faiss")

    return isinstance(inner, faiss.IndexIVFPQFastScan)


def packed(index: Any) -> Any:
    """The index for searching of one that rows were added to, which loses its lists; others as they are."""
    faiss: Any = import_module("faiss")
    import numpy as np

    inner = inner_of(index)
    if not isinstance(inner, faiss.IndexIVFPQ):
        return index
    scan = faiss.IndexIVFPQFastScan(inner)
    inner.invlists.reset()
    scan.orig_invlists = None
    blocks = faiss.downcast_InvertedLists(scan.invlists)
    lists = faiss.ArrayInvertedLists(inner.nlist, scan.code_size)
    for number in range(inner.nlist):
        count = blocks.list_size(number)
        if count:
            places = np.full(-(-count // BLOCK) * BLOCK, -1, np.int64)
            places[:count] = faiss.rev_swig_ptr(blocks.get_ids(number), count)
            lists.add_entries(number, len(places), faiss.swig_ptr(places), blocks.get_codes(number))
            blocks.resize(number, 0)
    _give(scan, lists)
    return _behind_the_turn(index, scan)


def unpacked(index: Any) -> Any:
    """The index for adding rows, of one that was read whole for searching; others as they are."""
    faiss: Any = import_module("faiss")

    scan = inner_of(index)
    if not is_packed(scan):
        return index
    inner = faiss.IndexIVFPQ(scan.quantizer, scan.d, scan.nlist, scan.M, scan.nbits, scan.metric_type)
    inner.pq, inner.by_residual, inner.is_trained = scan.pq, True, True
    scan.orig_invlists = inner.invlists
    scan.reconstruct_orig_invlists()
    scan.orig_invlists = None
    for number in range(scan.nlist):
        size = inner.invlists.list_size(number)
        if size:
            places = faiss.rev_swig_ptr(inner.invlists.get_ids(number), size)
            inner.invlists.resize(number, int((places >= 0).sum()))
    inner.ntotal = scan.ntotal
    return _behind_the_turn(index, inner)


def _behind_the_turn(former: Any, inner: Any) -> Any:
    """The inner index behind the rotation of the former one."""
    faiss: Any = import_module("faiss")

    whole = faiss.IndexPreTransform(turn_of(former), inner)
    whole.referenced_objects.append(former)  # it owns the rotation, and the centres of the inner one
    return whole


def _give(index: Any, lists: Any) -> None:
    """Make these its lists, and their owner."""
    lists.this.disown()
    index.replace_invlists(lists, True)
