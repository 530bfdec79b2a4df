"""Which lists of an IVF index a query looks into.

faiss would rank them by the products of a query with their centres. A centre is the shorter the more
its rows differ, and some of its rows then lie nearer to the query than it does: how far rows of length 1
lie from their centre follows from its length, and a part of that, the spread, is added. On vectors that
are spread as those of CLIP are, 128 of 2,048 lists then held 97 of 100 rows that they held 89 of. The more
lists there are, the less of it is best.

Reading every centre takes longer than reading the lists. So many centres have codes, two bits a number,
by which twice as many lists as are wanted are found, whose centres are then read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .packing import inner_of, turn_of
from .turns import affine, even_turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIDDLE = 0.25  # a spread, for which codes are about as precise as for the centre's numbers
CODED = 1024  # lists, from which codes of their centres are worth having
NUMBERS = 2  # that a code of four bits stands for
MORE = 2  # times the lists that are wanted are ranked by their centres themselves


class Ranking:
    """Ranks the lists of an index; ``codes`` are those of their centres (see `coded`)."""

    def __init__(self, index: Any, codes: Any = None) -> None:
        self.inner, self.turn, self.codes = inner_of(index), turn_of(index), codes
        self.centres = centres_of(self.inner)
        self.apart = _apart(self.centres)
        self.halves = _in_halves(self.centres, self.apart) if codes is None else None

    def best(
        self, queries: NDArray[Any], count: int, spread: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(q, count) lists of (q, d) turned queries of any length, in any order, and products with their
        centres, without what is added.
        """
        import numpy as np

        # scores grow with a query's length, and so does what is added
        spreads = np.float32(spread) * np.linalg.norm(queries, axis=1, keepdims=True)
        if self.halves is not None:
            scores, lists = self.halves.search(_wider(queries, spreads), count)
            return lists, scores - spreads * self.apart[lists]
        lists = self._named(queries, min(MORE * count, len(self.apart)), spreads)
        products = self._products(queries, lists)
        if lists.shape[1] > count:
            scores = products + spreads * self.apart[lists]
            best = np.argpartition(scores, -count, axis=1)[:, -count:]
            return np.take_along_axis(lists, best, 1), np.take_along_axis(products, best, 1)
        return lists, products

    def _named(self, queries: NDArray[Any], count: int, spreads: NDArray[np.float32]) -> NDArray[np.int64]:
        """(q, count) lists by the codes of their centres."""
        faiss: Any = import_module("faiss")
        import numpy as np

        turn = faiss.downcast_VectorTransform(self.codes.chain.at(0))
        turned = turn.apply(queries) + (spreads / np.float32(MIDDLE) - 1) * faiss.vector_to_array(turn.b)
        lists: NDArray[np.int64] = faiss.downcast_index(self.codes.index).search(turned, count)[1]
        # codes that cannot be told apart name none
        for query in np.flatnonzero((lists < 0).any(axis=1)):
            scores = self.centres @ queries[query] + spreads[query] * self.apart
            lists[query] = np.argpartition(scores, -count)[-count:]
        return lists

    def _products(self, queries: NDArray[Any], lists: NDArray[np.int64]) -> NDArray[np.float32]:
        """(q, n) products of (q, d) queries with the centres of (q, n) lists."""
        faiss: Any = import_module("faiss")
        import numpy as np

        products, at = np.empty(lists.shape, np.float32), faiss.swig_ptr
        faiss.fvec_inner_products_by_idx(
            at(products), at(queries), at(self.centres), at(lists), queries.shape[1], *lists.shape
        )
        return products


def coded(index: Any) -> Any:
    """A faiss index of the codes of the centres of an index, which is asked for (q, d) turned queries, the
    spread being `MIDDLE`; None where it has no lists, or few.
    """
    faiss: Any = import_module("faiss")
    import numpy as np

    inner = inner_of(index)
    if getattr(inner, "nlist", 0) < CODED:
        return None
    centres = centres_of(inner)
    dimension = centres.shape[1]
    scale = MIDDLE * dimension**0.5  # a query's numbers are about 1 / sqrt(d)
    wide = np.column_stack([centres, scale * _apart(centres)])
    turn = even_turn(wide - wide.mean(axis=0), NUMBERS)
    codes = faiss.IndexPQFastScan(len(turn), len(turn) // NUMBERS, 4, faiss.METRIC_INNER_PRODUCT)
    turned = (wide - wide.mean(axis=0)) @ turn.T
    faiss.omp_set_num_threads(1)
    codes.train(turned)
    codes.add(turned)
    return faiss.IndexPreTransform(affine(turn[:, :-1], MIDDLE / scale * turn[:, -1]), codes)


def centres_of(inner: Any) -> NDArray[Any]:
    """(lists, d), as they lie in the index: turned."""
    faiss: Any = import_module("faiss")

    flat = faiss.downcast_index(inner.quantizer)
    centres: NDArray[Any] = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d)
    return centres.reshape(flat.ntotal, flat.d)


def _apart(centres: NDArray[np.float32]) -> NDArray[np.float32]:
    """(k,) how far rows of length 1 lie from (k, d) centres that are their means."""
    import numpy as np

    apart: NDArray[np.float32] = np.sqrt(np.maximum(0, 1 - np.einsum("nd,nd->n", centres, centres)))
    return apart


def _in_halves(centres: NDArray[np.float32], apart: NDArray[np.float32]) -> Any:
    """An index of few centres, or of those of an earlier form, and of how far their rows lie from them."""
    faiss: Any = import_module("faiss")

    wide, half = _wider(centres, apart[:, None]), faiss.ScalarQuantizer.QT_fp16
    index = faiss.IndexScalarQuantizer(wide.shape[1], half, faiss.METRIC_INNER_PRODUCT)
    index.add(wide)
    return index


def _wider(rows: NDArray[Any], last: NDArray[Any]) -> NDArray[Any]:
    """(n, d) rows with a number more each, of (n, 1), and zeros up to a multiple of 16: half the time of an
    odd length.
    """
    import numpy as np

    count, dimension = rows.shape
    wide = np.zeros((count, -(-(dimension + 1) // 16) * 16), np.float32)
    wide[:, :dimension], wide[:, dimension : dimension + 1] = rows, last
    return wide
