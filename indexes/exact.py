"""Exact inner-product search over memory-mapped fp16 or fp32 vectors, of one side or several at once.

Two passes. A fast one (``kernels``) multiplies in float32 and may round equal rows differently, so
it only collects candidates: the k best and all within its rounding error of the k-th. Those are
scored again in float64: equal rows get equal scores, and ties go to the lower row whatever the
kernel, the block size or the number of threads.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .contract import Asked, Found
from .kernels import Block, FaissScan, FirstPass, FlatScan, NumpyScan, SumScan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .contract import Side

SCAN_ROWS = 32_768  # rows whose scores are looked at together
FAISS_TO_QUERIES = 32  # its fp16 kernel scans once per query; beyond, one matrix product is faster
SCORES_AT_ONCE = 1 << 22
FAISS_FROM_ROWS = 50_000  # below, importing faiss takes longer than the scan

Excluded = Sequence["Collection[int] | NDArray[Any]"]


def search(
    source: Side | NDArray[Any] | Sequence[NDArray[Any]],
    queries: NDArray[Any],
    k: int,
    *,
    exclude: Excluded | None = None,
    block_rows: int = SCAN_ROWS,
    threads: int | None = None,
) -> Found:
    """The ``k`` rows with the largest inner product, for each query.

    ``source`` is an index, one (n, d) array or a list of shards, float16 or float32, finite, rows
    of length about 1. ``queries`` is (q, d) or (d,). The rest is as in ``Searcher.search``.
    """
    return Exact(block_rows, threads).search([Asked(source, queries)], k, exclude)


class Exact:
    """The searcher that looks at every row, ``block_rows`` at a time, in ``threads``."""

    def __init__(self, block_rows: int = SCAN_ROWS, threads: int | None = None) -> None:
        self.block_rows, self.threads = block_rows, threads or min(8, os.cpu_count() or 1)

    def search(self, asked: Sequence[Asked], k: int, exclude: Excluded | None = None) -> Found:
        """As ``Searcher.search`` says."""
        import numpy as np

        sides = [_Vectors(one) for one in asked]
        count = _check(sides, k, exclude)
        rows = np.full((count, k), -1, np.int64)
        scores = np.full((count, k), -np.inf, np.float32)
        if not count or not k:
            return Found(rows, scores)
        barred = [sorted_rows(one) for one in exclude] if exclude is not None else None
        scans = self._scanned(sides, k, barred)
        for i in range(count):
            candidates = np.concatenate([scan.pools[i].rows() for scan in scans])
            best, values = best_of(candidates, _exactly(sides, i, candidates), k)
            rows[i, : len(best)], scores[i, : len(best)] = best, values
        return Found(rows, scores)

    def _scanned(
        self, sides: Sequence[_Vectors], k: int, barred: list[NDArray[np.int64]] | None
    ) -> list[FirstPass]:
        """The first pass, done: its pools hold every row that may be among the best."""
        queries = len(sides[0].queries)
        kernel = _kernel(sides)
        shards = sides[0].shards
        # BLAS has threads of its own, and two pools of threads fight for the cores; but halves take longer
        # to be widened than to be multiplied with one query
        halves = any(shard.dtype.itemsize == 2 for shard in shards)
        ours = kernel is FaissScan or (queries == 1 and halves)
        lengths = [len(shard) for shard in shards] if len(sides) == 1 else [sum(map(len, shards))]
        step = max(1, min(self.block_rows, SCORES_AT_ONCE // queries))
        parts = _parts(lengths, step, self.threads if ours else 1)
        make: Callable[[], FirstPass] = (
            partial(kernel, shards, sides[0].queries, k, barred)
            if len(sides) == 1
            else partial(SumScan, [(side.shards, side.queries) for side in sides], k, barred)
        )
        scans = [make() for _ in parts]
        if len(parts) == 1:
            scans[0].run(parts[0])
        else:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(lambda scan, part: scan.run(part), scans, parts))
        return scans


def scores_of(asked: Sequence[Asked], query: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n,) what ``rows``, which ascend, score in one query, as exactly as a search says."""
    import numpy as np

    total = np.zeros(len(rows))
    for one in asked:
        side: Any = one.side
        if not hasattr(side, "vectors"):  # bare shards
            return _exactly([_Vectors(one) for one in asked], query, rows)
        wide = np.atleast_2d(np.asarray(one.queries, np.float32))[query].astype(np.float64)
        for at in range(0, len(rows), 4096):
            part = side.take(rows[at : at + 4096]).astype(np.float64)
            total[at : at + len(part)] += np.einsum("nd,d->n", part, wide)
    return total.astype(np.float32)


class _Vectors:
    """Shards (rows, d) and queries (q, d) of one side."""

    def __init__(self, asked: Asked) -> None:
        import numpy as np

        source: Any = asked.side
        found = source.vectors() if hasattr(source, "vectors") else source
        arrays = [found] if isinstance(found, np.ndarray) else list(found)
        # plain views: indexing a np.memmap costs several times more per block
        self.shards = [np.asarray(shard) for shard in arrays]
        self.queries = np.atleast_2d(np.asarray(asked.queries, dtype=np.float32))


def make_ready() -> None:
    """Import faiss now, where it is here: a process that stays then scans small galleries by it, too.

    20,000 rows of 512 halves take it 1.4 ms, and NumPy 5.9 (one core of a Xeon with AVX-512).
    """
    with suppress(ImportError):
        import_module("faiss")


def imported() -> bool:
    """Whether faiss costs no import any more."""
    return "faiss" in sys.modules


def _kernel(sides: Sequence[_Vectors]) -> type[NumpyScan]:
    """The quickest first pass over so many rows of one side for so many queries."""
    shards, queries = sides[0].shards, len(sides[0].queries)
    few = sum(map(len, shards)) < FAISS_FROM_ROWS and not imported()
    if len(sides) > 1 or few:
        return NumpyScan
    faiss: type[FaissScan] = FaissScan if queries <= FAISS_TO_QUERIES else FlatScan
    return faiss if faiss.serves(shards) else NumpyScan


def _check(sides: Sequence[_Vectors], k: int, exclude: Excluded | None) -> int:
    """The number of queries."""
    if k < 0:
        raise ValueError(f"k must not be negative, got {k}")
    counts = {(sum(map(len, side.shards)), len(side.queries)) for side in sides}
    if len(counts) != 1:
        raise ValueError("the sides differ in rows or queries")
    for side in sides:
        for shard in side.shards:
            if shard.ndim != 2 or shard.shape[1] != side.queries.shape[1]:
                raise ValueError(f"queries are {side.queries.shape}, but a shard is {shard.shape}")
            if shard.dtype.name not in ("float16", "float32"):
                raise ValueError(f"vectors must be float16 or float32, got {shard.dtype}")
    ((_, queries),) = counts
    if exclude is not None and len(exclude) != queries:
        raise ValueError(f"{queries} queries, but {len(exclude)} sets to exclude")
    return queries


def sorted_rows(rows: Collection[int] | NDArray[Any]) -> NDArray[np.int64]:
    """The rows, ascending; an array, as of a filter, ascends already."""
    import numpy as np

    return rows if isinstance(rows, np.ndarray) else np.array(sorted(rows), np.int64)


def _parts(lengths: Sequence[int], step: int, workers: int) -> list[list[Block]]:
    """Blocks of at most ``step`` rows of shards so long, dealt to ``workers`` as neighbouring runs."""
    blocks: list[Block] = []
    offset = 0
    for number, length in enumerate(lengths):
        for start in range(0, length, step):
            blocks.append((number, start, min(start + step, length), offset + start))
        offset += length
    share = -(-len(blocks) // workers) or 1
    return [blocks[i : i + share] for i in range(0, len(blocks), share)] or [[]]


def _exactly(sides: Sequence[_Vectors], query: int, candidates: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n,) float64 products of ``candidates``, which ascend, summed over sides and then rounded."""
    import numpy as np

    total = np.zeros(len(candidates))
    for side in sides:
        wide = side.queries[query].astype(np.float64)
        for at, rows in _gathered(side.shards, candidates):
            total[at : at + len(rows)] += np.einsum("nd,d->n", rows, wide)
    return total.astype(np.float32)


def best_of(
    rows: NDArray[np.int64], scores: NDArray[Any], k: int
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The ``k`` best of ``rows`` with their scores, the lower row first among equals."""
    import numpy as np

    if k and len(rows) > 4 * k:  # sorting all of a gallery would take longer than scoring it
        near = np.flatnonzero(scores >= np.partition(scores, -k)[-k])
        rows, scores = rows[near], scores[near]
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def _gathered(
    shards: list[NDArray[Any]], candidates: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """The candidates' vectors in float64, at most 4,096 at a time; ``candidates`` ascend."""
    import numpy as np

    offset = 0
    for shard in shards:
        low, high = np.searchsorted(candidates, (offset, offset + len(shard)))
        for at in range(int(low), int(high), 4096):
            rows = candidates[at : min(at + 4096, int(high))] - offset
            yield at, shard[rows].astype(np.float64)
        offset += len(shard)
