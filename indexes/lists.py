"""Lists of an IVF index of faiss: which one a row goes into, and which of them a query looks into.

faiss would rank the lists by the products of a query with their centres. A centre is the shorter the
more its rows differ, and some of its rows then lie nearer to the query than it does: how far rows of
length 1 lie from their centre follows from its length, and a part of that is added. On vectors that
are spread as those of CLIP are, 128 of 2,048 lists then held 97 of 100 rows that they held 89 of.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .clusters import Nearest
from .packing import inner_of, is_packed, turn_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPREAD = 0.3  # of the distance of rows from their centre
MANY = 16_384  # rows, of so many that are added together torch is worth importing
TOGETHER = 128  # queries from which their products with all centres are one
_rankings: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
_owners: WeakKeyDictionary[Any, Nearest] = WeakKeyDictionary()


def insert(index: Any, rows: NDArray[Any]) -> None:
    """Add (n, d) float32 rows to an index that is learnt; they get the next places."""
    faiss: Any = import_module("faiss")

    inner = inner_of(index)
    if not hasattr(inner, "invlists"):
        index.add(rows)
        return
    turn = faiss.vector_to_array(turn_of(index).A).reshape(-1, rows.shape[1])
    turned = rows @ turn.T  # faiss's own takes four times as long
    if index not in _owners:
        _owners[index] = Nearest(_centres(inner), many=len(rows) >= MANY)
    owners = _owners[index](turned)
    inner.add_core(len(rows), faiss.swig_ptr(turned), None, faiss.swig_ptr(owners))
    index.ntotal = inner.ntotal


def listed(
    index: Any, reach: int, queries: NDArray[Any], count: int, given: dict[str, Any]
) -> NDArray[Any]:
    """(q, count) places that may be the best, best first, -1 where there are no more: of ``reach`` lists.

    ``given`` are further parameters of faiss.
    """
    faiss: Any = import_module("faiss")
    import numpy as np

    if index not in _rankings:
        _rankings[index] = Ranking(index)
    ranking = _rankings[index]
    inner, reach = ranking.inner, min(reach, ranking.inner.nlist)
    asked = ranking.turn.apply(np.ascontiguousarray(queries, np.float32))
    lists, nearness = ranking.best(asked, reach)
    if is_packed(inner):
        everyone = {"sel": faiss.IDSelectorRange(0, inner.ntotal)}  # but for what fills up blocks
        parameters = faiss.SearchParametersIVF(nprobe=reach, **(everyone | given))
    else:
        parameters = faiss.IVFRaBitQSearchParameters(nprobe=reach, **given)
        parameters.qb = inner.qb
    scores, places = np.empty((len(asked), count), np.float32), np.empty((len(asked), count), np.int64)
    point = faiss.swig_ptr
    inner.search_preassigned_c(
        len(asked),
        point(asked),
        count,
        point(lists),
        point(nearness),
        point(scores),
        point(places),
        False,
        parameters,
    )
    return places


class Ranking:
    """Which lists of an index a query looks into: a flat index of their centres, with a number more, which
    is added. Of one query it reads halves: memory is what takes the time.
    """

    def __init__(self, index: Any) -> None:
        faiss: Any = import_module("faiss")
        import numpy as np

        self.inner, self.turn = inner_of(index), turn_of(index)
        centres = _centres(self.inner)
        apart = np.sqrt(np.maximum(0, 1 - np.einsum("nd,nd->n", centres, centres)))
        self.added = SPREAD * apart
        self.wide = _wider(centres, self.added)
        half, inner = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        self.flat = faiss.IndexScalarQuantizer(self.wide.shape[1], half, inner)
        self.flat.add(self.wide)

    def best(self, queries: NDArray[Any], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(q, count) lists of (q, d) queries, in any order, and products with their centres, without what
        is added.
        """
        import numpy as np

        asked = _wider(queries, 1.0)
        if len(asked) < TOGETHER or count >= len(self.added):
            found, lists = self.flat.search(asked, count)
            return lists, found - self.added[lists]
        lists = np.empty((len(asked), count), np.int64)
        nearness = np.empty((len(asked), count), np.float32)
        for at in range(0, len(asked), TOGETHER):  # keeping the best while they are sorted in takes longer
            every = asked[at : at + TOGETHER] @ self.wide.T
            here = np.argpartition(every, -count, axis=1)[:, -count:]
            lists[at : at + TOGETHER] = here
            nearness[at : at + TOGETHER] = np.take_along_axis(every, here, 1) - self.added[here]
        return lists, nearness


def _wider(rows: NDArray[Any], last: NDArray[Any] | float) -> NDArray[Any]:
    """(n, d) rows with a number more, and zeros up to a multiple of 16: half the time of an odd length."""
    import numpy as np

    count, dimension = rows.shape
    wide = np.zeros((count, -(-(dimension + 1) // 16) * 16), np.float32)
    wide[:, :dimension], wide[:, dimension] = rows, last
    return wide


def _centres(inner: Any) -> NDArray[Any]:
    """(lists, d), as they lie in the index: turned."""
    faiss: Any = import_module("faiss")

    flat = faiss.downcast_index(inner.quantizer)
    centres: NDArray[Any] = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d)
    return centres.reshape(flat.ntotal, flat.d)
