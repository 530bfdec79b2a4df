"""The fast first pass of an exact search: float32 products of every row, the best ones kept.

Three kernels give the same candidates. NumPy's needs no import: its own fp16 to fp32 conversion reads
about 2.5 GB/s on one core, so a half is widened by moving its bits (shift, mask), which leaves it
2^112 times too small; that factor is undone in the query, and the rows go into BLAS while they are
in the cache (4 GB/s). faiss reads the same mapped memory without a copy, at the memory's own speed
(11 GB/s on one core), for 0.05 s of import; of many queries over float32 rows it keeps the best while
their products are still in the cache.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from .candidates import Contenders, within
from .halves import HALF_BIAS, shifted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CACHE_BYTES = 1 << 19  # widened rows handed to BLAS at once; stays within a core's L2
QUERY_LIFT = 100  # keeps the products of the shrunken rows out of float32's slow subnormals
SPARE = 64  # rows that faiss gives beyond k, to see whether ties go on after the k-th

Block = tuple[int, int, int, int]  # shard, first and last row in it, first row in the gallery


class FirstPass(Protocol):
    """One thread's first pass; ``pools`` has a pool for every query."""

    pools: list[Contenders]

    def run(self, blocks: list[Block]) -> None:
        """FirstPass ``blocks``; the pools then hold every row that may be among the best."""


def slack_of(queries: NDArray[np.float32]) -> NDArray[np.float64]:
    """Twice the worst rounding error of a float32 sum of d products with unit rows, for (…, d) queries."""
    import numpy as np

    lengths = np.linalg.norm(queries.astype(np.float64), axis=-1)
    slack: NDArray[np.float64] = 2.0**-22 * (queries.shape[-1] + 2) * lengths
    return slack


class NumpyScan:
    """One thread's pass over its blocks: widen, multiply, keep what may be among the best."""

    def __init__(
        self,
        shards: list[NDArray[Any]],
        queries: NDArray[np.float32],
        k: int,
        barred: list[NDArray[np.int64]] | None,
    ) -> None:
        import numpy as np

        self.shards, self.barred = shards, barred
        self.queries = np.ascontiguousarray(queries)
        self.pools = [Contenders(k, float(width)) for width in slack_of(queries)]
        peak = float(np.abs(queries).max(initial=0.0))
        self.lift = QUERY_LIFT - int(np.frexp(peak)[1])
        # float64 until scaled: 2^100 times a plain query would still fit, a wild one would not
        lifted = np.ldexp(self.queries.astype(np.float64), self.lift)
        self.lifted = np.ascontiguousarray(lifted.astype(np.float32))
        width = max(1, queries.shape[1])
        self.rows = max(1, (CACHE_BYTES if len(queries) == 1 else 8 * CACHE_BYTES) // (4 * width))
        self.wide = np.empty((self.rows, width), np.int32)

    def run(self, blocks: list[Block]) -> None:
        """FirstPass ``blocks``; the pools then hold every row that may be among the best."""
        for number, start, stop, first in blocks:
            scores = self._scores(self.shards[number][start:stop])
            for i, pool in enumerate(self.pools):
                if self.barred is not None:
                    bar(scores[i], self.barred[i], first)
                pool.offer(first, scores[i])

    def scores_of(self, start: int, stop: int) -> NDArray[np.float32]:
        """Inner products (q, stop - start) of rows of the gallery, over the ends of shards."""
        import numpy as np

        parts, first = [], 0
        for shard in self.shards:
            low, high = max(start - first, 0), min(stop - first, len(shard))
            if low < high:
                parts.append(self._scores(shard[low:high]))
            first += len(shard)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _scores(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """Inner products (q, rows) of one block, to float32 rounding."""
        import numpy as np

        if block.dtype == np.float32:
            whole: NDArray[np.float32] = np.dot(self.queries, block.T)
            return whole
        out = np.empty((len(self.queries), len(block)), np.float32)
        bits = block.view(np.int16)
        for at in range(0, len(block), self.rows):
            part = bits[at : at + self.rows]
            wide = self.wide[: len(part)]
            out[:, at : at + len(part)] = np.dot(self.lifted, shifted(part, wide).T)
        return np.ldexp(out, HALF_BIAS - self.lift, out=out)


def bar(scores: NDArray[np.float32], barred: NDArray[np.int64], first: int) -> None:
    """Put the excluded rows of this block out of reach of one query, in place."""
    import numpy as np

    low, high = np.searchsorted(barred, (first, first + len(scores)))
    scores[barred[low:high] - first] = -np.inf


class SumScan:
    """The same pass over several sides, each shards (rows, d) and queries (q, d): scores are added.

    Its blocks are stretches of the whole gallery: the shards of two sides need not end together.
    """

    def __init__(
        self,
        sides: Sequence[tuple[list[NDArray[Any]], NDArray[np.float32]]],
        k: int,
        barred: list[NDArray[np.int64]] | None,
    ) -> None:
        self.scans = [NumpyScan(shards, queries, k, None) for shards, queries in sides]
        self.barred = barred
        # all products round, and so does their sum, by at most 2^-24 of it: the 2 of (d + 2) has room
        widths = zip(*([pool.slack for pool in scan.pools] for scan in self.scans), strict=True)
        self.pools = [Contenders(k, sum(width)) for width in widths]

    def run(self, blocks: list[Block]) -> None:
        """FirstPass ``blocks``; the pools then hold every row that may be among the best."""
        for _, start, stop, _ in blocks:
            first, *others = (scan.scores_of(start, stop) for scan in self.scans)
            scores = sum(others, first)
            for i, pool in enumerate(self.pools):
                if self.barred is not None:
                    bar(scores[i], self.barred[i], start)
                pool.offer(start, scores[i])


class FaissScan(NumpyScan):
    """The same pass by faiss's fp16 kernel over the mapped rows; blocks it cannot settle go to
    NumPy.
    """

    DTYPE = "float16"
    NEEDS = "MaybeOwnedVectorUInt8"  # of faiss; older ones cannot read memory that is not theirs

    @classmethod
    def serves(cls, shards: list[NDArray[Any]]) -> bool:
        """Whether faiss is here and every shard is one piece of the kernel's dtype."""
        if any(s.dtype.name != cls.DTYPE or not s.flags.c_contiguous for s in shards):
            return False
        try:
            return hasattr(import_module("faiss"), cls.NEEDS)
        except ImportError:
            return False

    def run(self, blocks: list[Block]) -> None:
        """FirstPass ``blocks``, neighbours in one go; the pools then hold the candidates."""
        for block in _joined(blocks):
            if not self._by_faiss(block):
                super().run(_cut(block, 32_768))

    def _by_faiss(self, block: Block) -> bool:
        """Offer the block's best to every pool; False, and nothing offered, if ties may go on."""
        number, start, stop, first = block
        barred = max((len(rows) for rows in self.barred), default=0) if self.barred else 0
        asked = self.pools[0].k + barred + SPARE
        if asked >= (stop - start) // 8:
            return False
        scores, rows = self._nearest(self.shards[number][start:stop], asked)
        found = []
        for i, pool in enumerate(self.pools):
            places = rows[i] + first
            free = ~within(places, self.barred[i]) if self.barred else places >= first
            if scores[i][-1] >= scores[i][free][pool.k - 1] - pool.slack:
                return False
            found.append((places[free], scores[i][free]))
        for pool, (places, values) in zip(self.pools, found, strict=True):
            pool.take(places, values)
        return True

    def _nearest(self, rows: NDArray[Any], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and places (q, k) of the best of ``rows``."""
        found: tuple[NDArray[np.float32], NDArray[np.int64]] = view_of(rows).search(self.queries, k)
        return found


class FlatScan(FaissScan):
    """The same pass for many queries over float32 rows: one product, its best kept as it goes."""

    DTYPE = "float32"
    NEEDS = "knn"

    def _nearest(self, rows: NDArray[Any], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and places (q, k) of the best of ``rows``."""
        faiss: Any = import_module("faiss")
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        found: tuple[NDArray[np.float32], NDArray[np.int64]] = faiss.knn(
            self.queries, rows, k, metric=faiss.METRIC_INNER_PRODUCT
        )
        return found


def view_of(rows: NDArray[Any]) -> Any:
    """A faiss index over ``rows`` where they lie; ``rows`` must outlive it."""
    import numpy as np

    faiss: Any = import_module("faiss")
    # one of our threads per block: faiss itself only parallelises over queries
    faiss.omp_set_num_threads(1)
    index = faiss.IndexScalarQuantizer(
        rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    codes = faiss.swig_ptr(rows.view(np.uint8).reshape(-1))
    nobody = faiss.MaybeOwnedVectorUInt8()  # lends its empty owner: the memory stays ours
    index.codes = faiss.MaybeOwnedVectorUInt8.create_view(codes, rows.nbytes, nobody.owner)
    index.ntotal = len(rows)
    index.is_trained = True
    return index


def _joined(blocks: list[Block]) -> list[Block]:
    """Blocks that follow each other in one shard, made one."""
    joined: list[Block] = []
    for number, start, stop, first in blocks:
        if joined and joined[-1][0] == number and joined[-1][2] == start:
            joined[-1] = (number, joined[-1][1], stop, joined[-1][3])
        else:
            joined.append((number, start, stop, first))
    return joined


def _cut(block: Block, step: int) -> list[Block]:
    """The block in pieces of at most ``step`` rows."""
    number, start, stop, first = block
    return [(number, at, min(at + step, stop), first + at - start) for at in range(start, stop, step)]
