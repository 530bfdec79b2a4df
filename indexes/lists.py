"""Lists of an IVF index of faiss: rows go into them, and are searched for in some.

Which lists a query looks into is said in ``ranks``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .ahead import lists_ahead
from .clusters import Nearest
from .form import Effort
from .packing import inner_of, is_packed, turn_of
from .ranks import Ranking, centres_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANY = 16_384  # rows, of so many that are added together torch is worth importing
FEW_QUERIES = 4  # more of them look into so many lists that they had better be read as they lie
_rankings: WeakKeyDictionary[Any, Ranking] = WeakKeyDictionary()
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
        _owners[index] = Nearest(centres_of(inner), many=len(rows) >= MANY)
    owners = _owners[index](turned)
    inner.add_core(len(rows), faiss.swig_ptr(turned), None, faiss.swig_ptr(owners))
    index.ntotal = inner.ntotal


def listed(
    index: Any, effort: Effort, queries: NDArray[Any], count: int, given: dict[str, Any]
) -> NDArray[Any]:
    """(q, count) places that may be the best, best first, -1 where there are no more: of some lists.

    ``given`` are further parameters of faiss.
    """
    faiss: Any = import_module("faiss")
    import numpy as np

    ranking = ranking_of(index)
    inner, reach = ranking.inner, min(effort.reach, ranking.inner.nlist)
    asked = ranking.turn.apply(np.ascontiguousarray(queries, np.float32))
    lists, nearness = ranking.best(asked, reach, effort.spread)
    if len(asked) <= FEW_QUERIES:
        lists_ahead(inner.invlists, lists.ravel())
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


def ranking_of(index: Any) -> Ranking:
    """How the lists of an index are ranked; without codes of their centres, unless it was told of them."""
    if index not in _rankings:
        rank_by(index, None)
    return _rankings[index]


def codes_of(index: Any) -> Any:
    """Those that it was told of, or None."""
    return _rankings[index].codes if index in _rankings else None


def rank_by(index: Any, codes: Any) -> None:
    """Tell an index of the codes of its lists' centres; None where there are none."""
    _rankings[index] = Ranking(index, codes)
