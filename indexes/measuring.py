"""How far a compressed form must look: the least effort that finds enough, on every kind of query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from .compressed_kinds import nearest
from .contract import Asked
from .exact import best_of, scores_of, search
from .form import Effort, Measured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .stored import Stored

DEPTH = 10  # recall@10
SHORTLISTS = (100, 200, 400, 800, 1600)
TIMED = 24  # queries, one by one
FIRST_REACH, MOST_REACH = 8, 4096
MORE_REACH = 4  # times the reach that is enough; a shorter list that needs more is no quicker


class Truth(NamedTuple):
    """Queries (q, d) of several kinds, the kind of each, and the score of its 10th best row, exactly."""

    queries: NDArray[np.float32]
    kinds: Sequence[str]
    tenth: NDArray[np.float32]


class Choice(NamedTuple):
    """An effort, what it finds, and the milliseconds that one query takes with it, scored exactly."""

    effort: Effort
    measured: tuple[Measured, ...]
    milliseconds: float

    @property
    def recall(self) -> float:
        """The least over the kinds."""
        return min(one.recall for one in self.measured)


def truth(vectors: Stored, probes: Mapping[str, NDArray[Any]]) -> Truth:
    """What exact search finds for these queries."""
    import numpy as np

    queries = np.concatenate(list(probes.values()))
    found = search(vectors, queries, min(DEPTH, vectors.count))
    kinds = [kind for kind, asked in probes.items() for _ in asked]
    return Truth(queries, kinds, found.scores[:, -1])


def choose(index: Any, kind: str, vectors: Stored, right: Truth, recall: float) -> Choice:
    """The quickest effort that reaches ``recall`` on every kind; the best there is where none does."""
    reached: list[Choice] = []
    best = Choice(Effort(FIRST_REACH, SHORTLISTS[-1]), (Measured("none", 0, -1.0),), 0.0)
    reach, lengths = FIRST_REACH, list(SHORTLISTS)
    while lengths and reach <= MOST_REACH and (reach == FIRST_REACH or reach < vectors.count):
        for length in list(lengths):
            effort = Effort(reach, length)
            choice = Choice(effort, _recalls(index, kind, effort, vectors, right), 0.0)
            best = max(best, choice, key=lambda one: one.recall)
            if choice.recall >= recall:
                reached.append(choice)
                lengths = lengths[: lengths.index(length)]  # more reach is only worth it for fewer rows
                break
        if reached and reach >= MORE_REACH * reached[0].effort.reach:
            break
        reach *= 2
    timed = [
        one._replace(milliseconds=_milliseconds(index, kind, one.effort, vectors, right))
        for one in reached or [best]
    ]
    return min(timed, key=lambda one: one.milliseconds)


def _recalls(index: Any, kind: str, effort: Effort, vectors: Stored, right: Truth) -> tuple[Measured, ...]:
    """Recall of every kind of query."""
    import numpy as np

    wanted = min(DEPTH, vectors.count)
    places = nearest(index, kind, effort.reach, right.queries, min(effort.shortlist, vectors.count))
    hits = np.zeros(len(places))
    for n, found in enumerate(places):
        scores = scores_of([Asked(vectors, right.queries)], n, np.sort(found[found >= 0]))
        # equals of the 10th are as right as it is
        hits[n] = min(wanted, int((scores >= right.tenth[n]).sum())) / wanted
    kinds = np.array(right.kinds)
    return tuple(
        Measured(kind, int((kinds == kind).sum()), round(float(hits[kinds == kind].mean()), 4))
        for kind in dict.fromkeys(right.kinds)
    )


def _milliseconds(index: Any, kind: str, effort: Effort, vectors: Stored, right: Truth) -> float:
    """The median of single queries of all kinds."""
    import numpy as np

    spent = []
    for n in range(0, len(right.queries), max(1, len(right.queries) // TIMED)):
        began = perf_counter()
        (found,) = nearest(
            index, kind, effort.reach, right.queries[[n]], min(effort.shortlist, vectors.count)
        )
        rows = np.sort(found[found >= 0])
        best_of(rows, scores_of([Asked(vectors, right.queries)], n, rows), DEPTH)
        spent.append(perf_counter() - began)
    return round(1000 * float(np.median(spent)), 3)
