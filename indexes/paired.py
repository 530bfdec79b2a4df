"""Exact search over two sides at once: row i scores p·Pᵢ + c·Cᵢ, pictures and captions.

As in ``exact``: a fast pass collects candidates, which are scored again in float64, so that rows
that are equal on both sides tie, and ties go to the lower row. Scores exist a block at a time.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from indexes.candidates import Pool
from indexes.exact import SCAN_ROWS, SCORES_AT_ONCE, best_of, exact_scores, sorted_rows
from indexes.kernels import NumpyScan, bar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Side = tuple[Sequence["NDArray[Any]"], "NDArray[Any]"]  # shards, in row order, and queries (q, d)
Span = tuple[int, int]  # first and last row of the gallery


def search(
    pictures: Side,
    captions: Side,
    k: int,
    *,
    exclude: Sequence[Collection[int] | NDArray[Any]] | None = None,
    block_rows: int = SCAN_ROWS,
    threads: int | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``k`` rows with the largest sum of both inner products, for each query.

    Both sides have the same rows, of length 1 at most, and as many queries; the dimensions may
    differ. ``exclude`` and what is given are as in ``exact.search``. Raises ``ValueError`` when the
    shapes do not fit.
    """
    import numpy as np

    sides = [_Side(*side) for side in (pictures, captions)]
    count, asked = sides[0].count, len(sides[0].queries)
    if (sides[1].count, len(sides[1].queries)) != (count, asked):
        raise ValueError("the two sides differ in rows or queries")
    if exclude is not None and len(exclude) != asked:
        raise ValueError(f"{asked} queries, but {len(exclude)} sets to exclude")
    rows = np.full((asked, k), -1, np.int64)
    scores = np.full((asked, k), -np.inf, np.float32)
    if not asked or not k:
        return rows, scores
    barred = [sorted_rows(one) for one in exclude] if exclude is not None else None
    step = max(1, min(block_rows, SCORES_AT_ONCE // asked))
    spans = [(start, min(start + step, count)) for start in range(0, count, step)]
    # one query leaves BLAS single-threaded: see exact
    workers = (threads or min(8, os.cpu_count() or 1)) if asked == 1 else 1
    share = -(-len(spans) // workers) or 1
    parts = [spans[at : at + share] for at in range(0, len(spans), share)]
    scans = [_Scan(sides, k, barred) for _ in parts]
    with ThreadPoolExecutor(max(1, len(parts))) as pool:
        list(pool.map(_Scan.run, scans, parts))
    for i in range(asked):
        candidates = np.concatenate([s.pools[i].rows() for s in scans] or [np.empty(0, np.int64)])
        total = sum(exact_scores(side.shards, candidates, side.queries[i]) for side in sides)
        best, values = best_of(candidates, np.asarray(total).astype(np.float32), k)
        rows[i, : len(best)], scores[i, : len(best)] = best, values
    return rows, scores


class _Side:
    """Shards (rows, d) and queries (q, d) of one side. Raises ``ValueError`` where they differ."""

    def __init__(self, shards: Sequence[NDArray[Any]], queries: NDArray[Any]) -> None:
        import numpy as np

        self.shards = [np.asarray(shard) for shard in shards]
        self.queries = np.atleast_2d(np.asarray(queries, np.float32))
        self.count = sum(map(len, self.shards))
        if any(shard.shape[1:] != self.queries.shape[1:] for shard in self.shards):
            raise ValueError(f"queries are {self.queries.shape}, but a shard is of another width")


class _Scan:
    """One thread's pass over its spans: scores of both sides, added, into one pool a query."""

    def __init__(
        self, sides: Sequence[_Side], k: int, barred: list[NDArray[np.int64]] | None
    ) -> None:
        self.kernels = [NumpyScan(side.shards, side.queries, k, None) for side in sides]
        self.barred = barred
        # both products round, and so does their sum, by at most 2^-24 of it: the 2 of (d + 2) has room
        self.pools = [
            Pool(k, first.slack + second.slack)
            for first, second in zip(*(kernel.pools for kernel in self.kernels), strict=True)
        ]

    def run(self, spans: Sequence[Span]) -> None:
        """Scan ``spans``; the pools then hold every row that may be among the best."""
        for start, stop in spans:
            pictures, captions = (kernel.scores_of(start, stop) for kernel in self.kernels)
            scores = pictures + captions
            for i, pool in enumerate(self.pools):
                if self.barred is not None:
                    bar(scores[i], self.barred[i], start)
                pool.offer(start, scores[i])
