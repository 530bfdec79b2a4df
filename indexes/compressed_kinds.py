"""Kinds of compressed forms: how faiss learns one, and how far a search in it can look.

``pq``: lists of rows around centres, a row as product-quantised codes of its offset, turned at random
(Jégou, Douze, Schmid 2011; four bits for two numbers: so few of the best are wrong that about 100 rows
are scored again, each of which may be a page of the disk). 32 rows are looked at at once, and the lists
are mapped (see ``packing``).
``ivf``: the same lists with RaBitQ codes (Gao, Long 2024; two bits a number), which take several times as
long. It was there first: forms of it are searched and grow, and it is made where it is asked for.
``hnsw``: a graph of neighbours over rows of four bits a number; for few rows, as it is slow to make.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from .clusters import centres_of, in_blocks, nearest_centres
from .errors import EXIT_MODEL, GalleryError
from .lists import BLOCK, listed
from .packing import inner_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAISS = (1, 15)  # at least: what was run
HNSW_ROWS = 50_000  # at most: beyond, it takes minutes to make
LISTS_ROWS = 1_000  # at least: fewer make no lists worth having
LEARN_EACH = 32  # rows a centre that k-means looks at
LEARN_ROUNDS = 5
CODES_LEARN, CODES_ROUNDS = 8192, 10  # rows that codes are learnt from, and rounds of it
LIST_ROWS, MOST_LISTS = 200, 65_536
NEIGHBOURS = 16
ALONE = 4  # queries that are not worth threads


def check_faiss() -> None:
    """Raises ``GalleryError`` for a faiss whose forms are others: that of 1.11 ends the process."""
    version = str(import_module("faiss").__version__)
    if tuple(map(int, version.split(".")[:2])) < FAISS:
        raise GalleryError(
            f"compressed forms need faiss {FAISS[0]}.{FAISS[1]}, and here is {version}",
            "pip install --upgrade faiss-cpu (with NumPy 2); without, search is exact",
            EXIT_MODEL,
        )


class Kind(NamedTuple):
    """``make`` gives a faiss index that is learnt from (n, d) rows, for so many in all, and holds none;
    ``rows`` are the least and the most it is for.
    """

    make: Callable[[NDArray[Any], int], Any]
    rows: tuple[int, int]


def lists_of(rows: int) -> int:
    """How many lists so many rows make: a power of two, with `LIST_ROWS` a list or fewer; of few rows near
    4 times their root; `MOST_LISTS` at most.

    What is near a query lies in many small clusters. Where a list holds several of them, most rows that
    are looked at belong to others.
    """
    lists = 16
    while lists < MOST_LISTS and lists < max(3 * rows**0.5, rows / LIST_ROWS):
        lists *= 2
    return lists


def _pq(sample: NDArray[Any], rows: int) -> Any:
    faiss: Any = import_module("faiss")

    turn, centres = _lists(sample, rows, sample.shape[1] + sample.shape[1] % 2)
    inner = faiss.IndexIVFPQ(
        centres, centres.d, centres.ntotal, centres.d // 2, 4, faiss.METRIC_INNER_PRODUCT
    )
    some = turn.apply(sample[:: max(1, len(sample) // CODES_LEARN)])
    inner.pq.cp.niter = CODES_ROUNDS
    inner.pq.train(some - centres.reconstruct_batch(nearest_centres(some, centres.reconstruct_n())))
    index = faiss.IndexPreTransform(turn, inner)
    index.is_trained = inner.is_trained = True
    return index


def _ivf(sample: NDArray[Any], rows: int) -> Any:
    faiss: Any = import_module("faiss")

    turn, centres = _lists(sample, rows, sample.shape[1])
    inner = faiss.IndexIVFRaBitQ(centres, centres.d, centres.ntotal, faiss.METRIC_INNER_PRODUCT, True, 2)
    index = faiss.IndexPreTransform(turn, inner)
    index.is_trained = inner.is_trained = True  # codes of offsets need no more than the centres
    return index


def _lists(sample: NDArray[Any], rows: int, dimension: int) -> tuple[Any, Any]:
    """A rotation to so many numbers, and a flat index of the centres of lists, turned by it.

    Centres that lie together follow each other, so that a query need not look at all of many.
    """
    faiss: Any = import_module("faiss")

    turn = faiss.RandomRotationMatrix(sample.shape[1], dimension)
    turn.init(1)
    centres = faiss.IndexFlatIP(dimension)
    centres.add(turn.apply(in_blocks(centres_of(sample, lists_of(rows), LEARN_ROUNDS), BLOCK)))
    return turn, centres


def _hnsw(sample: NDArray[Any], rows: int) -> Any:
    faiss: Any = import_module("faiss")

    index = faiss.IndexHNSWSQ(
        sample.shape[1], faiss.ScalarQuantizer.QT_4bit, NEIGHBOURS, faiss.METRIC_INNER_PRODUCT
    )
    index.hnsw.efConstruction = 80
    index.train(sample)
    return index


KINDS: dict[str, Kind] = {
    "pq": Kind(_pq, (LISTS_ROWS, 1 << 40)),
    "hnsw": Kind(_hnsw, (0, HNSW_ROWS)),
    "ivf": Kind(_ivf, (1, 0)),  # for no number of rows by itself
}


def open_mapped(path: str) -> Any:
    """The faiss index in a file, its lists mapped. Raises ``RuntimeError`` for what is none."""
    faiss: Any = import_module("faiss")

    index = faiss.read_index(path, faiss.IO_FLAG_MMAP)
    lists = getattr(inner_of(index), "invlists", None)
    if lists is not None:
        lists = faiss.downcast_InvertedLists(lists)
        if hasattr(lists, "prefetch_nthread"):
            lists.prefetch_nthread = 0  # else every search starts threads that touch the lists ahead
    return index


def nearest(index: Any, kind: str, reach: int, queries: NDArray[Any], count: int, bits: Any = None) -> Any:
    """(q, count) places that may be the best, best first, -1 where there are no more.

    ``bits``, packed, tells the places that may be found.
    """
    faiss: Any = import_module("faiss")

    # few queries take less time than threads take to meet, the more so on a busy machine
    faiss.omp_set_num_threads(1 if len(queries) < ALONE else os.cpu_count() or 1)
    given = {} if bits is None else {"sel": faiss.IDSelectorBitmap(bits)}
    if kind != "hnsw":
        return listed(index, reach, queries, count, given)
    parameters = faiss.SearchParametersHNSW(efSearch=max(reach, count), **given)
    return index.search(queries, count, params=parameters)[1]
