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
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from .contract import Asked
from .exact import best_of, scores_of
from .kernels import SPARE, FaissScan, slack_of, view_of
from .shards import widened

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
    lying = [cast("Side", one.side) for one in asked]
    vectors = [getattr(side, "stored", side.take)(every) for side in lying]
    halves = view_of(vectors[0]) if len(vectors) == 1 and FaissScan.serves(vectors) else None
    found, end = [], 0
    for query, rows in part:
        start, end = end, end + len(rows)
        wanted = [one.queries[query] for one in asked]
        near = _by_halves(halves, wanted[0], range(start, end), k) if halves else None
        if near is None:
            near = start + _near([widened(taken[start:end]) for taken in vectors], wanted, k)
        scores = np.zeros(len(near))
        for taken, one in zip(vectors, wanted, strict=True):
            scores += np.einsum("nd,d->n", widened(taken[near]).astype(np.float64), one.astype(np.float64))
        found.append(best_of(every[near], scores.astype(np.float32), k))
    return found


def _by_halves(halves: Any, query: NDArray[np.float32], rows: range, k: int) -> NDArray[np.int64] | None:
    """As `_near`, of some rows of an index of halves; None where more may be among the best than it tells,
    and where few rows are all of them.
    """
    faiss: Any = import_module("faiss")
    import numpy as np

    if len(rows) <= k:
        return None
    told = min(len(rows), k + SPARE)
    chosen = faiss.SearchParameters(sel=faiss.IDSelectorRange(rows.start, rows.stop))
    (rough,), (places,) = halves.search(query[None], told, params=chosen)
    least = rough[k - 1] - float(slack_of(query))
    if told < len(rows) and rough[-1] >= least:
        return None
    near: NDArray[np.int64] = np.sort(places[rough >= least])
    return near


def _near(
    sides: Sequence[NDArray[np.float32]], wanted: Sequence[NDArray[np.float32]], k: int
) -> NDArray[np.int64]:
    """Places of the rows that may be among the ``k`` best, to the rounding of float32."""
    import numpy as np

    if len(sides[0]) <= k:
        return np.arange(len(sides[0]))
    rough = np.sum([np.einsum("nd,d->n", *one) for one in zip(sides, wanted, strict=True)], axis=0)
    slack = sum(float(slack_of(one)) for one in wanted)
    return np.flatnonzero(rough >= np.partition(rough, -k)[-k] - slack)
