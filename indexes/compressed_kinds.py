"""Kinds of compressed forms: how faiss learns one, and how far a search in it can look.

``pq``: lists of rows around centres, a row as product-quantised codes of its offset (Jégou, Douze, Schmid
2011; four bits for three numbers, of short rows for two, after a turn, see ``turns``). 32 rows are looked
at at once, and the lists are mapped (see ``packing``).
``ivf``: the same lists with RaBitQ codes (Gao, Long 2024; two bits a number), which take several times as
long. It was there first: forms of it are searched and grow, and it is made where it is asked for.
``hnsw``: a graph of neighbours over rows of four bits a number; for few rows, as it is slow to make.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from .clusters import centres_of, nearest_centres
from .errors import EXIT_MODEL, GalleryError
from .form import Effort
from .lists import listed, rank_by
from .packing import inner_of
from .turns import affine, even_turn

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAISS = (1, 15)  # at least: what was run
HNSW_ROWS = 50_000  # at most: beyond, it takes minutes to make
LISTS_ROWS = 1_000  # at least: fewer make no lists worth having
LEARN_EACH = 32  # rows a centre that k-means looks at
LEARN_ROUNDS = 5
CODES_LEARN, CODES_ROUNDS = 32_768, 10  # rows that codes are learnt from, and rounds of it
SHORT = 256  # numbers of a row, of fewer than which a code stands for 2 and else for 3
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
    ``rows`` are the least and the most it is for, and ``ranked`` is whether it has lists, which are ranked.
    """

    make: Callable[[NDArray[Any], int], Any]
    rows: tuple[int, int]
    ranked: bool = True


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

    centres = centres_of(sample, lists_of(rows), LEARN_ROUNDS)
    some = sample[:: max(1, len(sample) // CODES_LEARN)]
    offsets = some - centres[nearest_centres(some, centres)]
    group = 3 if sample.shape[1] >= SHORT else 2
    turn = affine(even_turn(offsets, group))
    flat = _flat(turn, centres)
    inner = faiss.IndexIVFPQ(flat, flat.d, flat.ntotal, flat.d // group, 4, faiss.METRIC_INNER_PRODUCT)
    inner.pq.cp.niter = CODES_ROUNDS
    inner.pq.cp.min_points_per_centroid = 1  # or every code of a small gallery prints a warning
    inner.pq.train(turn.apply(offsets))
    return _whole(turn, inner)


def _ivf(sample: NDArray[Any], rows: int) -> Any:
    faiss: Any = import_module("faiss")

    turn = faiss.RandomRotationMatrix(sample.shape[1], sample.shape[1])
    turn.init(1)
    flat = _flat(turn, centres_of(sample, lists_of(rows), LEARN_ROUNDS))
    # codes of offsets need no more than the centres
    return _whole(
        turn, faiss.IndexIVFRaBitQ(flat, flat.d, flat.ntotal, faiss.METRIC_INNER_PRODUCT, True, 2)
    )


def _flat(turn: Any, centres: NDArray[Any]) -> Any:
    """An index of the centres, turned."""
    faiss: Any = import_module("faiss")

    flat = faiss.IndexFlatIP(turn.d_out)
    flat.add(turn.apply(centres))
    return flat


def _whole(turn: Any, inner: Any) -> Any:
    """The inner index, which has learnt, behind a turn."""
    faiss: Any = import_module("faiss")

    index = faiss.IndexPreTransform(turn, inner)
    index.is_trained = inner.is_trained = True
    return index


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
    "hnsw": Kind(_hnsw, (0, HNSW_ROWS), ranked=False),
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


def open_ranks(index: Any, path: str) -> None:
    """Rank its lists by the codes in a file. Raises ``RuntimeError`` for what is none of its lists."""
    faiss: Any = import_module("faiss")

    codes, inner = faiss.read_index(path), inner_of(index)
    if (codes.ntotal, codes.d) != (getattr(inner, "nlist", 0), inner.d) or not hasattr(codes, "chain"):
        raise RuntimeError("it is of other lists")
    rank_by(index, codes)


def nearest(
    index: Any, kind: str, effort: Effort, queries: NDArray[Any], count: int, bits: Any = None
) -> Any:
    """(q, count) places that may be the best, best first, -1 where there are no more.

    ``bits``, packed, tells the places that may be found.
    """
    faiss: Any = import_module("faiss")

    # few queries take less time than threads take to meet, the more so on a busy machine
    faiss.omp_set_num_threads(1 if len(queries) < ALONE else os.cpu_count() or 1)
    given = {} if bits is None else {"sel": faiss.IDSelectorBitmap(bits)}
    if KINDS[kind].ranked:
        return listed(index, effort, queries, count, given)
    parameters = faiss.SearchParametersHNSW(efSearch=max(effort.reach, count), **given)
    return index.search(queries, count, params=parameters)[1]
