"""Lists of an IVF index of faiss: which one a row goes into, and which of them a query looks into.

faiss would rank the lists by the products of a query with their centres. A centre is the shorter the
more its rows differ, and some of its rows then lie nearer to the query than it does: how far rows of
length 1 lie from their centre follows from its length, and a part of that is added. On vectors that
are spread as those of CLIP are, 128 of 2,048 lists then held 97 of 100 rows that they held 89 of.

Of many centres a query is compared with half: those of the blocks whose means, ranked in the same
way, come first.
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
BLOCK = 16  # centres that follow each other lie together
BLOCK_SPREAD = 0.1  # of the distance of centres from the mean of their block
BLOCKED = 65_536  # centres, from which a query looks at some blocks only: fewer are ranked as quickly whole
OPENED = 2  # one block of so many
ALIKE = 0.9  # of the spread of all centres: blocks that are spread as far were not put in order
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
    """Which lists of an index a query looks into: an index of their centres, with a number more, which
    is added. Of few queries it reads halves: memory is what takes the time.
    """

    def __init__(self, index: Any) -> None:
        import numpy as np

        self.inner, self.turn = inner_of(index), turn_of(index)
        centres = _centres(self.inner)
        apart = np.sqrt(np.maximum(0, 1 - np.einsum("nd,nd->n", centres, centres)))
        self.added = SPREAD * apart
        self.wide = _wider(centres, self.added, 0.0)
        self.means = _means(self.wide) if len(centres) >= BLOCKED else self.wide[:0]
        self.halves = _in_blocks(self.wide, self.means) if len(self.means) else _in_one(self.wide)

    def best(self, queries: NDArray[Any], count: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(q, count) lists of (q, d) queries, in any order, and products with their centres, without what
        is added.
        """
        import numpy as np

        asked = _wider(queries, 1.0, 1.0)
        if len(asked) < TOGETHER or count >= len(self.added):
            found, lists = self._search(asked, count)
            return lists, found - self.added[lists]
        lists = np.empty((len(asked), count), np.int64)
        nearness = np.empty((len(asked), count), np.float32)
        for at in range(0, len(asked), TOGETHER):  # keeping the best while they are sorted in takes longer
            here, products = self._products(asked[at : at + TOGETHER], count)
            best = np.argpartition(products, -count, axis=1)[:, -count:]
            chosen = lists[at : at + TOGETHER] = np.take_along_axis(here, best, 1)
            nearness[at : at + TOGETHER] = np.take_along_axis(products, best, 1) - self.added[chosen]
        return lists, nearness

    def _search(self, asked: NDArray[np.float32], count: int) -> tuple[NDArray[Any], NDArray[Any]]:
        faiss: Any = import_module("faiss")

        opened = self._opened(count)
        given = {"params": faiss.SearchParametersIVF(nprobe=opened)} if opened else {}
        scores, lists = self.halves.search(asked, count, **given)
        return scores, lists

    def _products(self, asked: NDArray[np.float32], count: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Lists of (q, D) queries, and products with them: of those that one query alone would look at."""
        import numpy as np

        every, opened = asked @ self.wide.T, self._opened(count)
        if not opened:
            return np.broadcast_to(np.arange(every.shape[1]), every.shape), every
        blocks = np.argpartition(asked @ self.means.T, -opened, axis=1)[:, -opened:]
        here = (blocks[:, :, None] * BLOCK + np.arange(BLOCK)).reshape(len(asked), -1)
        return here, np.take_along_axis(every, here, 1)

    def _opened(self, count: int) -> int:
        """How many blocks are looked into for so many lists; 0: there are no blocks."""
        blocks = len(self.means)
        return min(blocks, max(blocks // OPENED, OPENED * count // BLOCK))


def _in_one(wide: NDArray[np.float32]) -> Any:
    """An index of halves that looks at all of them."""
    faiss: Any = import_module("faiss")

    half, inner = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexScalarQuantizer(wide.shape[1], half, inner)
    index.add(wide)
    return index


def _means(wide: NDArray[np.float32]) -> NDArray[np.float32]:
    """(b, D) means of blocks, and what is added to products with them; none where the rows of blocks do not
    lie together.
    """
    import numpy as np

    rows = wide.reshape(-1, BLOCK, wide.shape[1])
    means: NDArray[np.float32] = rows.mean(axis=1)
    apart = np.einsum("bnd,bnd->b", rows, rows) / BLOCK - np.einsum("bd,bd->b", means, means)
    means[:, -1] = BLOCK_SPREAD * np.sqrt(np.maximum(0, apart))
    return means if apart.mean() < ALIKE * wide.var(axis=0).sum() else means[:0]


def _in_blocks(wide: NDArray[np.float32], means: NDArray[np.float32]) -> Any:
    """One that looks at the best blocks."""
    faiss: Any = import_module("faiss")
    import numpy as np

    half, inner = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    flat = faiss.IndexFlatIP(wide.shape[1])
    flat.add(means)
    index = faiss.IndexIVFScalarQuantizer(flat, wide.shape[1], len(means), half, inner, False)
    index.is_trained = True  # halves are not learnt
    blocks = np.repeat(np.arange(len(means)), BLOCK)
    index.add_core(len(wide), faiss.swig_ptr(wide), None, faiss.swig_ptr(blocks))
    return index


def _wider(rows: NDArray[Any], last: NDArray[Any] | float, of_blocks: float) -> NDArray[Any]:
    """(n, d) rows with a number more, that of blocks at the end, and zeros between up to a multiple of 16:
    half the time of an odd length.
    """
    import numpy as np

    count, dimension = rows.shape
    wide = np.zeros((count, -(-(dimension + 2) // 16) * 16), np.float32)
    wide[:, :dimension], wide[:, dimension], wide[:, -1] = rows, last, of_blocks
    return wide


def _centres(inner: Any) -> NDArray[Any]:
    """(lists, d), as they lie in the index: turned."""
    faiss: Any = import_module("faiss")

    flat = faiss.downcast_index(inner.quantizer)
    centres: NDArray[Any] = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d)
    return centres.reshape(flat.ntotal, flat.d)
