"""How far a compressed form must look: the least effort that finds enough, on every kind of query.

What is measured on some queries is not what is found on others. An effort is enough where the recall of
every kind is as much as was asked for after its standard error is taken away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from .compressed_kinds import KINDS, nearest
from .contract import Asked
from .exact import best_of, scores_of, search
from .form import Effort, Measured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .stored import Stored

DEPTH = 10  # recall@10
EQUALS = 90  # rows beyond, among which those are that score what the 10th does
SHORTLISTS = (50, 100, 200, 400, 800, 1600)
TIMED = 24  # queries, one by one
SPREADS = (0.15, 0.2, 0.3)  # the less the more rows there are
REACHES = [step << power for power in range(9) for step in (8, 12)]  # lists or neighbours: 8 to 3,072
MORE_REACH = 4  # times the reach that is enough; a shorter list that needs more is no quicker


class Truth(NamedTuple):
    """Queries (q, d) of several kinds, the kind of each, what its 10th best row scores exactly, and the
    rows that score no less; None where they are too many to be kept.
    """

    queries: NDArray[np.float32]
    kinds: Sequence[str]
    tenth: NDArray[np.float32]
    right: Sequence[NDArray[np.int64] | None]


class Choice(NamedTuple):
    """An effort, what it finds, the least of that over the kinds of queries, each less its standard error,
    and the milliseconds that one query takes with it, scored exactly.
    """

    effort: Effort
    measured: tuple[Measured, ...]
    sure: float
    milliseconds: float = 0.0

    @property
    def recall(self) -> float:
        """The least over the kinds."""
        return min(one.recall for one in self.measured)


def truth(vectors: Stored, probes: Mapping[str, NDArray[Any]]) -> Truth:
    """What exact search finds for these queries."""
    import numpy as np

    queries = np.concatenate(list(probes.values()))
    wanted, looked = min(DEPTH, vectors.count), min(DEPTH + EQUALS, vectors.count)
    found = search(vectors, queries, looked)
    tenth = found.scores[:, wanted - 1]
    right = [
        rows[scores >= least] if looked == vectors.count or scores[-1] < least else None
        for rows, scores, least in zip(found.rows, found.scores, tenth, strict=True)
    ]
    kinds = [kind for kind, asked in probes.items() for _ in asked]
    return Truth(queries, kinds, tenth, right)


def choose(index: Any, kind: str, vectors: Stored, right: Truth, recall: float) -> Choice:
    """The quickest effort that reaches ``recall`` on every kind; the best there is where none does."""
    spreads = SPREADS if KINDS[kind].ranked else SPREADS[:1]
    found = [one for spread in spreads for one in _found(index, kind, spread, vectors, right, recall)]
    enough = [one for one in found if one.sure >= recall]
    timed = [
        one._replace(milliseconds=_milliseconds(index, kind, one.effort, vectors, right))
        for one in enough or [max(found, key=lambda one: (one.recall, one.sure))]
    ]
    return min(timed, key=lambda one: one.milliseconds)


def _found(
    index: Any, kind: str, spread: float, vectors: Stored, right: Truth, recall: float
) -> list[Choice]:
    """Efforts that reach ``recall``, the more reach the fewer rows; the best there is where none does."""
    reached: list[Choice] = []
    tried: list[Choice] = []
    lengths = list(SHORTLISTS)
    for reach in REACHES:
        if not lengths or (reach > REACHES[0] and reach >= vectors.count):
            break
        enough = []
        for length in reversed(lengths):  # where a long list does not hold them, no shorter one does
            effort = Effort(reach, length, spread)
            tried.append(Choice(effort, *_recalls(index, kind, effort, vectors, right)))
            if tried[-1].sure < recall:
                break
            enough.append(tried[-1])
        if enough:
            reached.append(enough[-1])
            lengths = lengths[: len(lengths) - len(enough)]  # more reach is only worth it for fewer rows
        if reached and reach >= MORE_REACH * reached[0].effort.reach:
            break
    return reached or [max(tried, key=lambda one: (one.recall, one.sure))]


def _recalls(
    index: Any, kind: str, effort: Effort, vectors: Stored, right: Truth
) -> tuple[tuple[Measured, ...], float]:
    """Recall of every kind of query, and the least of that less its standard error."""
    import numpy as np

    wanted = min(DEPTH, vectors.count)
    places = nearest(index, kind, effort, right.queries, min(effort.shortlist, vectors.count))
    # what is named is scored exactly, so it is found
    hits = np.array([min(wanted, _right(found, n, vectors, right)) for n, found in enumerate(places)])
    kinds = np.array(right.kinds)
    shares = {kind: hits[kinds == kind] / wanted for kind in dict.fromkeys(right.kinds)}
    measured = tuple(Measured(one, len(part), round(float(part.mean()), 4)) for one, part in shares.items())
    return measured, min(float(part.mean() - part.std() / len(part) ** 0.5) for part in shares.values())


def _right(found: NDArray[np.int64], query: int, vectors: Stored, right: Truth) -> int:
    """How many of these rows, or -1, are right for a query."""
    import numpy as np

    known = right.right[query]
    if known is not None:
        return int(np.isin(known, found).sum())
    scores = scores_of([Asked(vectors, right.queries)], query, np.sort(found[found >= 0]))
    return int((scores >= right.tenth[query]).sum())


def _milliseconds(index: Any, kind: str, effort: Effort, vectors: Stored, right: Truth) -> float:
    """The median of single queries of all kinds."""
    import numpy as np

    spent = []
    for n in range(0, len(right.queries), max(1, len(right.queries) // TIMED)):
        began = perf_counter()
        (found,) = nearest(index, kind, effort, right.queries[[n]], min(effort.shortlist, vectors.count))
        rows = np.sort(found[found >= 0])
        best_of(rows, scores_of([Asked(vectors, right.queries)], n, rows), DEPTH)
        spent.append(perf_counter() - began)
    return round(1000 * float(np.median(spent)), 3)
