"""Exact inner-product search over memory-mapped fp16 or fp32 vectors.

Two passes. A fast one (``kernels``) multiplies in float32 and may round equal rows differently, so
it only collects candidates: the k best and all within its rounding error of the k-th. Those are
scored again in float64: equal rows get equal scores, and ties go to the lower row whatever the
kernel, the block size or the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from indexes.kernels import Block, FaissScan, FlatScan, NumpyScan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCAN_ROWS = 32_768  # rows whose scores are looked at together
FAISS_TO_QUERIES = 32  # its fp16 kernel scans once per query; beyond, one matrix product is faster
SCORES_AT_ONCE = 1 << 22
FAISS_FROM_ROWS = 50_000  # below, importing faiss takes longer than the scan


class HasVectors(Protocol):
    """What ``search`` needs of an index: its shards, in row order."""

    def vectors(self) -> Sequence[NDArray[Any]]:
        """The (rows, d) shards."""
        ...


def search(
    index_or_vectors: HasVectors | NDArray[Any] | Sequence[NDArray[Any]],
    queries: NDArray[Any],
    k: int,
    *,
    exclude: Sequence[Collection[int] | NDArray[Any]] | None = None,
    block_rows: int = SCAN_ROWS,
    threads: int | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` rows with the largest inner product, for each query.

    ``index_or_vectors`` is an index, one (n, d) array or a list of shards, float16 or float32,
    finite, rows of length about 1. ``queries`` is (q, d) or (d,). ``exclude[i]`` holds the rows
    that query ``i`` must not return; where it is an array, it ascends.

    Gives rows (q, k) int64 and scores (q, k) float32, best first, the lower row first among equals;
    where fewer than ``k`` rows remain, row -1 with score -inf.

    Raises ``ValueError`` when the shapes do not fit.
    """
    import numpy as np

    shards = _shards(index_or_vectors)
    wanted = np.atleast_2d(np.asarray(queries, dtype=np.float32))
    _check(shards, wanted, k, exclude)
    barred = [sorted_rows(rows) for rows in exclude] if exclude is not None else None
    if not len(wanted) or not k:
        return np.empty((len(wanted), k), np.int64), np.empty((len(wanted), k), np.float32)
    step = max(1, min(block_rows, SCORES_AT_ONCE // len(wanted)))
    kernel = _kernel(shards, len(wanted))
    # a matrix product has BLAS threads of its own, and two pools of threads fight for the cores
    ours = kernel is FaissScan or len(wanted) == 1
    workers = (threads or min(8, os.cpu_count() or 1)) if ours else 1
    parts = _parts(shards, step, workers)
    scans = [kernel(shards, wanted, k, barred) for _ in parts]
    if len(parts) == 1:
        scans[0].run(parts[0])
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(lambda scan, part: scan.run(part), scans, parts))
    rows = np.full((len(wanted), k), -1, np.int64)
    scores = np.full((len(wanted), k), -np.inf, np.float32)
    for i, query in enumerate(wanted):
        candidates = np.concatenate([scan.pools[i].rows() for scan in scans])
        best, values = _exactly(shards, candidates, query, k)
        rows[i, : len(best)], scores[i, : len(best)] = best, values
    return rows, scores


def _kernel(shards: list[NDArray[Any]], queries: int) -> type[NumpyScan]:
    """The quickest first pass over so many rows for so many queries."""
    if sum(map(len, shards)) < FAISS_FROM_ROWS:
        return NumpyScan
    faiss: type[FaissScan] = FaissScan if queries <= FAISS_TO_QUERIES else FlatScan
    return faiss if faiss.serves(shards) else NumpyScan


def _shards(source: HasVectors | NDArray[Any] | Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """The (rows, d) arrays behind whatever the caller holds, without copying them."""
    import numpy as np

    found: Any = source.vectors() if hasattr(source, "vectors") else source
    arrays = [found] if isinstance(found, np.ndarray) else list(found)
    # plain views: indexing a np.memmap costs several times more per block
    return [np.asarray(shard) for shard in arrays]


def _check(
    shards: list[NDArray[Any]],
    queries: NDArray[np.float32],
    k: int,
    exclude: Sequence[Collection[int] | NDArray[Any]] | None,
) -> None:
    if k < 0:
        raise ValueError(f"k must not be negative, got {k}")
    for shard in shards:
        if shard.ndim != 2 or shard.shape[1] != queries.shape[1]:
            raise ValueError(f"queries are {queries.shape}, but a shard is {shard.shape}")
        if shard.dtype.name not in ("float16", "float32"):
            raise ValueError(f"vectors must be float16 or float32, got {shard.dtype}")
    if exclude is not None and len(exclude) != len(queries):
        raise ValueError(f"{len(queries)} queries, but {len(exclude)} sets to exclude")


def sorted_rows(rows: Collection[int] | NDArray[Any]) -> NDArray[np.int64]:
    """The rows, ascending; an array, as of a filter, ascends already."""
    import numpy as np

    return rows if isinstance(rows, np.ndarray) else np.array(sorted(rows), np.int64)


def _parts(shards: list[NDArray[Any]], step: int, workers: int) -> list[list[Block]]:
    """Blocks of at most ``step`` rows, dealt to ``workers`` as neighbouring runs."""
    blocks: list[Block] = []
    offset = 0
    for number, shard in enumerate(shards):
        for start in range(0, len(shard), step):
            blocks.append((number, start, min(start + step, len(shard)), offset + start))
        offset += len(shard)
    share = -(-len(blocks) // workers) or 1
    return [blocks[i : i + share] for i in range(0, len(blocks), share)] or [[]]


def _exactly(
    shards: list[NDArray[Any]], candidates: NDArray[np.int64], query: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` best of ``candidates`` by float64 products rounded to float32, ties by row."""
    import numpy as np

    return best_of(candidates, exact_scores(shards, candidates, query).astype(np.float32), k)


def exact_scores(
    shards: list[NDArray[Any]], candidates: NDArray[np.int64], query: NDArray[np.float32]
) -> NDArray[np.float64]:
    """(n,) products of the ``candidates`` (ascending) with ``query`` (d,), in float64."""
    import numpy as np

    exact = np.empty(len(candidates), np.float64)
    wide = query.astype(np.float64)
    for at, rows in _gathered(shards, candidates):
        exact[at : at + len(rows)] = np.einsum("nd,d->n", rows, wide)
    return exact


def best_of(
    rows: NDArray[np.int64], scores: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` best of ``rows`` with their scores, the lower row first among equals."""
    import numpy as np

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
