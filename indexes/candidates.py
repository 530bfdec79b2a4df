"""The rows that may be among the k best of one query, while a scan goes on.

Scores that reach a pool are float32 and off by at most half of ``slack``; a pool drops a row only
when k others beat it by more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Contenders:
    """Candidates of one query: the k best so far and all within ``slack`` of the k-th."""

    def __init__(self, k: int, slack: float) -> None:
        self.k, self.slack = k, slack
        self.floor = float("-inf")
        self.parts: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
        self.held = 0

    def offer(self, first: int, scores: NDArray[np.float32]) -> None:
        """Take the candidates among ``scores``; the first belongs to gallery row ``first``."""
        import numpy as np

        floor = self.floor
        if floor == float("-inf") and len(scores) > 2 * self.k:
            floor = self._kth(scores)
        taken = np.flatnonzero(scores >= floor if floor > float("-inf") else scores > floor)
        if not len(taken):
            return
        self.take(taken + first, scores[taken])

    def take(self, rows: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        """Take candidates by their gallery rows."""
        self.parts.append((rows, scores))
        self.held += len(rows)
        if self.held > 4 * self.k + 1024:
            self._prune()

    def rows(self) -> NDArray[np.int64]:
        """The candidates' gallery rows, in order."""
        import numpy as np

        if self.held > self.k:
            self._prune()
        return np.sort(np.concatenate([rows for rows, _ in self.parts] or [np.empty(0, np.int64)]))

    def _kth(self, scores: NDArray[np.float32]) -> float:
        """A score below which nothing can be among the ``k`` best of ``scores``."""
        import numpy as np

        return float(np.partition(scores, len(scores) - self.k)[-self.k]) - self.slack

    def _prune(self) -> None:
        import numpy as np

        rows = np.concatenate([rows for rows, _ in self.parts])
        scores = np.concatenate([scores for _, scores in self.parts])
        if len(scores) > self.k:
            self.floor = max(self.floor, self._kth(scores))
        keep = scores >= self.floor
        self.parts = [(rows[keep], scores[keep])]
        # counted as k at most, so that a gallery of equal rows is not pruned at every block
        self.held = min(int(keep.sum()), self.k)


def within(places: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n,) which places are among ``rows``, which ascend; for a few rows a tenth of the time of NumPy's."""
    import numpy as np

    if not len(rows):
        return np.zeros(len(places), bool)
    at = np.minimum(np.searchsorted(rows, places), len(rows) - 1)
    found: NDArray[np.bool_] = rows[at] == places
    return found
