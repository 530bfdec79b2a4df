"""From rankings and cases to the numbers of a protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count, takewhile

from ..benchmarks.records import Case, Protocol
from . import metrics
from .metrics import Ranked

# Scopes of metrics over several queries: over groups that their aspects name, and over dialogues, whose
# rounds are queries.
GROUPS, DIALOGUES = "groups", "dialogues"


def score(
    case: Case, protocol: Protocol, ranking: Ranked, *, subset: Ranked | None = None, whole: bool = True
) -> dict[str, float]:
    """Every metric of the protocol for one labelled case; the breakdown as "mAP@10 negation".

    ``subset`` is the ranking of the case's subset where the long one may not hold all of it. That of a
    gallery of the case's own is ``whole``. What is made of groups of queries, `of_groups` gives.
    """
    whole = whole or protocol.own_galleries
    gone = {case.reference} if protocol.exclude_reference else set()
    # What cannot be found, and what is named twice, is no ground truth more.
    total = len(set(case.correct) - gone)
    ranking = metrics.without(ranking, gone)
    found = metrics.hits(ranking, set(case.targets), whole=whole)
    correct = metrics.hits(ranking, set(case.correct), whole=whole)
    inside = None
    values: dict[str, float] = {}
    for name in protocol.metrics:
        scope, _, metric = name.rpartition(":")
        kind, _, k = metric.partition("@")
        if scope in (GROUPS, DIALOGUES) or (kind == "subset_recall" and not case.subset):
            continue
        if kind == "subset_recall":
            if inside is None:
                inside = _subset_flags(case, ranking, subset)
            value = metrics.recall_at(inside, int(k))
        elif kind in metrics.OF_ALL:
            counted = metrics.OF_ALL[kind]
            value = counted(correct, total, int(k)) if k else metrics.average_precision(correct, total)
        else:
            value = metrics.recall_at(found, int(k))
        if scope:
            values |= {f"{metric} {aspect}": value for aspect in case.aspects}
        else:
            values[metric] = value
    return values


def of_groups(
    cases: Sequence[Case], protocol: Protocol, per_query: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, float]]:
    """The metrics of groups, a row a group: their means, and n, are over groups, not over queries.

    Of a dialogue that is not answered whole, the rounds from its first on count until one is not there.
    """
    scopes: dict[str, list[str]] = {}
    for name in protocol.metrics:
        scope, _, metric = name.rpartition(":")
        scopes.setdefault(scope, []).append(metric)
    rows: dict[str, dict[str, float]] = {}
    members: dict[str, list[float]] = {}
    rounds: dict[str, dict[int, Mapping[str, float]]] = {}
    for case in cases:
        if case.id not in per_query:
            continue
        for group in case.aspects if GROUPS in scopes else ():
            members.setdefault(f"{GROUPS}:{group}", []).append(per_query[case.id]["mAP"])
        if DIALOGUES in scopes:
            rounds.setdefault(f"{DIALOGUES}:{case.group}", {})[case.turn] = per_query[case.id]
    for group, values in members.items():
        rows[group] = {name: metrics.OF_GROUPS[name](values) for name in scopes[GROUPS]}
    for group, by_turn in rounds.items():
        asked = [by_turn[turn] for turn in takewhile(by_turn.__contains__, count())]
        rows[group] = {}
        for name in scopes[DIALOGUES] if asked else ():
            found = [row[f"Recall@{name.partition('@')[2]}"] for row in asked]
            rows[group] |= metrics.cumulative(name, found)
    return rows


def rows_of(case: Case) -> Iterator[str]:
    """What the rows of groups that a case may count in are called."""
    yield from (f"{GROUPS}:{aspect}" for aspect in case.aspects)
    if case.group:
        yield f"{DIALOGUES}:{case.group}"


def _subset_flags(case: Case, ranking: Ranked, subset: Ranked | None) -> list[bool]:
    """Hits within the subset; members that were not ranked stand behind those that were."""
    members = set(case.subset)
    pairs = [pair for pair in (ranking if subset is None else subset) if pair[0] in members]
    return metrics.hits(pairs, set(case.targets))


def score_all(
    cases: Sequence[Case],
    protocol: Protocol,
    rankings: Sequence[Ranked],
    subsets: Sequence[Ranked | None],
    *,
    whole: bool = True,
) -> list[dict[str, float]]:
    """`score` of every case, in order."""
    return [
        score(case, protocol, ranking, subset=subset, whole=whole)
        for case, ranking, subset in zip(cases, rankings, subsets, strict=True)
    ]
