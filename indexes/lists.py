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

from .clusters import nearest_centres

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPREAD = 0.3  # of the distance of rows from their centre
_rankings: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def inner_of(index: Any) -> Any:
    """The index behind a transform; the index itself where there is none."""
    faiss: Any = import_module("faiss")

    whole = faiss.downcast_index(index)
    return faiss.downcast_index(whole.index) if hasattr(whole, "chain") else whole


def insert(index: Any, rows: NDArray[Any]) -> None:
    """Add (n, d) float32 rows to an index that is learnt; they get the next places."""
    faiss: Any = import_module("faiss")

    inner = inner_of(index)
    if not hasattr(inner, "invlists"):
        index.add(rows)
        return
    turn = faiss.vector_to_array(_turn(index).A).reshape(rows.shape[1], -1)
    offsets = rows @ turn.T  # faiss's own takes four times as long
    owners = nearest_centres(offsets, _centres(inner))
    inner.add_core(len(rows), faiss.swig_ptr(offsets), None, faiss.swig_ptr(owners))
    index.ntotal = inner.ntotal


def listed(
    index: Any, reach: int, queries: NDArray[Any], count: int, given: dict[str, Any]
) -> NDArray[Any]:
    """(q, count) places that may be the best, best first, -1 where there are no more: of ``reach`` lists.

    ``given`` are further parameters of faiss.
    """
    faiss: Any = import_module("faiss")
    import numpy as np

    inner = inner_of(index)
    if index not in _rankings:
        _rankings[index] = _ranking(_centres(inner))
    reach = min(reach, inner.nlist)
    asked = _turn(index).apply(np.ascontiguousarray(queries, np.float32))
    nearness, lists = _rankings[index].search(_wider(asked, 1.0), reach)
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


def _ranking(centres: NDArray[Any]) -> Any:
    """A flat index of the centres, with a number more: what is added to their products."""
    faiss: Any = import_module("faiss")
    import numpy as np

    apart = np.sqrt(np.maximum(0, 1 - np.einsum("nd,nd->n", centres, centres)))
    wide = _wider(centres, SPREAD * apart)
    flat = faiss.IndexFlatIP(wide.shape[1])
    flat.add(wide)
    return flat


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


def _turn(index: Any) -> Any:
    faiss: Any = import_module("faiss")

    return faiss.downcast_VectorTransform(faiss.downcast_index(index).chain.at(0))
