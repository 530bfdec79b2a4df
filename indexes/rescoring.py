"""The best of the rows that were named for each of many queries, scored as exactly as a search says.

In two passes, as exact search has: products in float32 of every row that is named, then those in
float64 of the few that may be among the best. Queries are scored some at a time, in threads: reading,
widening and multiplying rows leave the interpreter to others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, cast

from .contract import Asked
from .exact import best_of, scores_of
from .kernels import slack_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .contract import Side

ROWS = 2048  # rows of about so many queries are scored together: some MB, near the cache
MOST_ROWS = 65_536  # beyond, their vectors are not held at once
Best = tuple["NDArray[np.int64]", "NDArray[np.float32]"]


def rescored(
    asked: Sequence[Asked], queries: Sequence[int], named: Sequence[NDArray[np.int64]], k: int
) -> list[Best]:
    """Rows and scores of the ``k`` best of the ``named`` rows of each of these queries, best first.

    ``asked`` are sides that have rows by number, with (q, d) float32 queries.
    """
    parts = list(_parts(queries, named))
    score = partial(_best, asked, k)
    if len(parts) <= 1:  # nor does one query wait for a thread
        return [one for part in parts for one in score(part)]
    with ThreadPoolExecutor(min(len(parts), os.cpu_count() or 1)) as pool:
        return [one for part in pool.map(score, parts) for one in part]


def _parts(
    queries: Sequence[int], named: Sequence[NDArray[np.int64]]
) -> Iterator[list[tuple[int, NDArray[np.int64]]]]:
    """Queries with their rows, so many together that the rows are about `ROWS`."""
    part: list[tuple[int, NDArray[np.int64]]] = []
    for one in zip(queries, named, strict=True):
        part.append(one)
        if sum(len(rows) for _, rows in part) >= ROWS:
            yield part
            part = []
    if part:
        yield part


def _best(asked: Sequence[Asked], k: int, part: list[tuple[int, NDArray[np.int64]]]) -> list[Best]:
    """Those of some queries, whose rows are read in one go."""
    import numpy as np

    every = np.concatenate([rows for _, rows in part])
    if len(every) > MOST_ROWS:
        return [best_of(rows, scores_of(asked, query, rows), k) for query, rows in part]
    vectors = [cast("Side", one.side).take(every) for one in asked]
    found, end = [], 0
    for query, rows in part:
        start, end = end, end + len(rows)
        sides = [(taken[start:end], one.queries[query]) for taken, one in zip(vectors, asked, strict=True)]
        near = _near(sides, k)
        scores = np.zeros(len(near))
        for taken, wanted in sides:
            scores += np.einsum("nd,d->n", taken[near].astype(np.float64), wanted.astype(np.float64))
        found.append(best_of(rows[near], scores.astype(np.float32), k))
    return found


def _near(sides: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]], k: int) -> NDArray[np.int64]:
    """Places of the rows that may be among the ``k`` best, to the rounding of float32."""
    import numpy as np

    if len(sides[0][0]) <= k:
        return np.arange(len(sides[0][0]))
    rough = np.sum([np.einsum("nd,d->n", taken, wanted) for taken, wanted in sides], axis=0)
    slack = sum(float(slack_of(wanted)) for _, wanted in sides)
    return np.flatnonzero(rough >= np.partition(rough, -k)[-k] - slack)
