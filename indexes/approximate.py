"""Search by compressed forms: they name a few hundred rows, which are then scored exactly.

A row may be missed; what is shown scores exactly what it scores, with the same rule of ties. Rows come
from every side's own form, and are summed over all sides: a row that is among the first of no single
side is not found. Where a side has no form, where few rows are allowed, or where more is asked for than
is found, every row is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .candidates import within
from .contract import Asked, Found
from .exact import Exact, Excluded, sorted_rows
from .rescoring import rescored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .compressed import Compressed

FEW = 10_000  # rows that are quicker scored than looked for
MANY = 1_000  # excluded rows from which faiss is told of them
WIDE = 4  # rows that are scored for each that is wanted, where many are


class Approximate:
    """The searcher that looks where compressed forms say, and at every row where there is none.

    ``few`` rows or less, of the gallery or of those that are allowed, are all scored.
    """

    def __init__(self, few: int = FEW) -> None:
        self.exact, self.few = Exact(), few

    def search(self, asked: Sequence[Asked], k: int, exclude: Excluded | None = None) -> Found:
        """As ``Searcher.search`` says; the rows are those that the forms find."""
        forms = [getattr(one.side, "compressed", None) for one in asked]
        found = [form for form in forms if form is not None]
        if not found or len(found) < len(forms) or found[0].count <= max(self.few, WIDE * k):
            return self.exact.search(asked, k, exclude)
        return _Search(asked, found, k, exclude, self).run()


class _Search:
    """One search."""

    def __init__(
        self,
        asked: Sequence[Asked],
        forms: list[Compressed],
        k: int,
        exclude: Excluded | None,
        searcher: Approximate,
    ) -> None:
        import numpy as np

        self.forms, self.k, self.exact, self.few = forms, k, searcher.exact, searcher.few
        self.asked = [Asked(one.side, np.atleast_2d(np.asarray(one.queries, np.float32))) for one in asked]
        self.count = len(self.asked[0].queries)
        self.barred = [sorted_rows(one) for one in exclude or [()] * self.count]
        lengths = {len(one.queries) for one in self.asked} | {len(self.barred)}
        widths = [one.queries.shape[1] for one in self.asked] == [form.index.d for form in forms]
        if k < 0 or lengths != {self.count} or not widths:
            raise ValueError("the sides, the queries and what they exclude do not fit each other")
        self.rows = forms[0].count
        self.wanted = max(WIDE * k, *(form.form.effort.shortlist for form in forms))

    def run(self) -> Found:
        """The rows and scores."""
        import numpy as np

        rows = np.full((self.count, self.k), -1, np.int64)
        scores = np.full((self.count, self.k), -np.inf, np.float32)
        few = [n for n in range(self.count) if len(self.barred[n]) <= MANY]
        lists = dict(zip(few, self._named(few, None), strict=True))
        named = {n: self._allowed(n, lists.get(n)) for n in range(self.count) if self.k}
        short = [n for n in named if len(named[n]) < min(self.k, self.rows - len(self.barred[n]))]
        for n in short:
            del named[n]
            rows[n], scores[n] = self._by_every_row(n)
        for n, (best, values) in zip(
            named, rescored(self.asked, list(named), list(named.values()), self.k), strict=True
        ):
            rows[n, : len(best)], scores[n, : len(best)] = best, values
        return Found(rows, scores)

    def _allowed(self, query: int, named: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """The rows to score for a query: those that were named, and that it may find."""
        barred = self.barred[query]
        if self.rows - len(barred) <= max(self.few, self.k):
            return self._free(query).nonzero()[0]
        if named is None:
            (named,) = self._named([query], self._free(query))
        return named[~within(named, barred)] if len(barred) else named

    def _named(self, queries: list[int], free: NDArray[np.bool_] | None) -> list[NDArray[np.int64]]:
        """The rows that all sides name for each of these queries, ascending."""
        import numpy as np

        found: list[list[NDArray[np.int64]]] = [[] for _ in queries]
        more = max((len(self.barred[n]) for n in queries), default=0) if free is None else 0
        for one, form in zip(self.asked, self.forms, strict=True):
            speaks = [at for at, n in enumerate(queries) if one.queries[n].any()]
            if speaks:
                asked = np.ascontiguousarray(one.queries[[queries[at] for at in speaks]])
                lists = form.shortlists(asked, self.wanted + more, free)
                for at, rows in zip(speaks, lists, strict=True):
                    found[at].append(rows)
        return [_distinct(np.concatenate([*one, np.empty(0, np.int64)])) for one in found]

    def _free(self, query: int) -> NDArray[np.bool_]:
        """(rows,) which of them the query may find."""
        import numpy as np

        free = np.ones(self.rows, bool)
        free[self.barred[query]] = False
        return free

    def _by_every_row(self, query: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The best of all rows: the forms named too few, as for a query of zeros."""
        alone = [Asked(one.side, one.queries[[query]]) for one in self.asked]
        found = self.exact.search(alone, self.k, [self.barred[query]])
        return found.rows[0], found.scores[0]


def _distinct(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """As `numpy.unique`, which takes five times as long for some hundred rows."""
    import numpy as np

    ordered = np.sort(rows)
    return ordered[np.diff(ordered, prepend=-1) > 0]
