"""How much a history is worth: drawn dialogues, answered with it and without.

    python -m tests.bench_dialogues [--count 3000] [--dialogues 300] [--seed 9]

Dialogues of two to four sentences over a drawn gallery. The last sentence is asked four ways: with the
history folded in turn by turn, alone about the first picture, about the best hit of the turn before it
and nothing else (which is itself found so), and with all sentences joined into one. Prints Recall@1 and
Recall@10 by the number of turns.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import likebut
from likebut.pipeline.pocket.draw import draw_gallery, file_name
from likebut.pipeline.records.trace import Query, Trace
from likebut.pipeline.stages.composer import Composer

Way = Callable[[Composer, Sequence[Query]], list[Trace]]


def folded(composer: Composer, queries: Sequence[Query]) -> list[Trace]:
    """Every sentence changes what the one before it wanted."""
    return composer.compose(queries, 10)


def alone(composer: Composer, queries: Sequence[Query]) -> list[Trace]:
    """The last sentence about the first picture."""
    return composer.compose([replace(query, history=()) for query in queries], 10)


def from_last_hit(composer: Composer, queries: Sequence[Query]) -> list[Trace]:
    """Every sentence about the best hit of the one before it, which is all that is known."""
    traces: list[Trace | None] = [None] * len(queries)
    for turn in range(max(len(query.history) for query in queries) + 1):
        places = [n for n, query in enumerate(queries) if turn <= len(query.history)]
        asked = [_turn(queries[n], turn, traces[n]) for n in places]
        for n, trace in zip(places, composer.compose(asked, 10), strict=True):
            traces[n] = trace
    return [trace for trace in traces if trace is not None]


def _turn(query: Query, turn: int, before: Trace | None) -> Query:
    sentences = [*(said.modification for said in query.history), query.modification]
    reference = Path(before.ranking.hits[0].path) if before else query.reference
    return Query(query.id, reference, sentences[turn])


def joined(composer: Composer, queries: Sequence[Query]) -> list[Trace]:
    """All sentences as one."""
    return composer.compose(
        [
            replace(
                query,
                modification=", then ".join([*(s.modification for s in query.history), query.modification]),
                history=(),
            )
            for query in queries
        ],
        10,
    )


WAYS: dict[str, Way] = {
    "folded": folded,
    "last sentence alone": alone,
    "from the last hit alone": from_last_hit,
    "joined": joined,
}


def main() -> None:
    """Draw, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--dialogues", type=int, default=300)
    parser.add_argument("--seed", type=int, default=9)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        place = Path(folder) / "gallery"
        drawn = draw_gallery(place, given.count, given.seed, given.dialogues, turns=4)
        right = {query.id: {file_name(n) for n in query.targets} for query in drawn.queries}
        composer = likebut.open(likebut.Setup(folders=(place,), cache=Path(folder) / "answers.sqlite"))
        queries = likebut.read_queries(place / "queries.jsonl")
        for name, way in WAYS.items():
            traces = way(composer, queries)
            for turns in (2, 3, 4):
                those = [t for t, q in zip(traces, queries, strict=True) if len(q.history) == turns - 1]
                found = [
                    next((h.rank for h in t.ranking.hits if h.id in right[t.query.id]), 99) for t in those
                ]
                first, ten = (100 * sum(rank <= k for rank in found) / len(found) for k in (1, 10))
                print(f"{name:24} {turns} turns  n {len(found):4}  R@1 {first:5.1f}  R@10 {ten:5.1f}")


if __name__ == "__main__":
    main()
