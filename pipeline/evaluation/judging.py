"""From rankings and cases to the numbers of a protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..benchmarks.records import Case, Protocol
from . import metrics
from .metrics import Ranked

GROUPS = "groups"  # the scope of a metric over groups of queries, which their aspects name


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
        scope, metric = _scoped(name)
        kind, _, k = metric.partition("@")
        if scope == GROUPS or (kind == "subset_recall" and not case.subset):
            continue
        if kind == "subset_recall":
            if inside is None:
                inside = _subset_flags(case, ranking, subset)
            value = metrics.recall_at(inside, int(k))
        elif kind in metrics.OF_ALL:
            count = metrics.OF_ALL[kind]
            value = count(correct, total, int(k)) if k else metrics.average_precision(correct, total)
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

    A metric of turns is not there where one of them is not.
    """
    names = [metric for scope, metric in map(_scoped, protocol.metrics) if scope == GROUPS]
    members: dict[str, list[Case]] = {}
    for case in cases if names else ():
        if case.id in per_query:
            for group in groups_of(case):
                members.setdefault(group, []).append(case)
    rows: dict[str, dict[str, float]] = {}
    for group, inside in members.items():
        rows[group] = {}
        for name in names:
            of, make, turns = metrics.of_group(name)
            counted = [case for case in inside if turns is None or case.turn < turns]
            if len(counted) >= (turns or 1):
                rows[group][name] = make([per_query[case.id][of] for case in counted])
    return rows


def groups_of(case: Case) -> list[str]:
    """What rows of groups that a case counts in are called: by its ``group``, else by its aspects."""
    return [f"{GROUPS}:{group}" for group in ((case.group,) if case.group else case.aspects)]


def _scoped(name: str) -> tuple[str, str]:
    """("aspects", "mAP@10") of "aspects:mAP@10"; a plain metric has no scope."""
    scope, _, metric = name.partition(":")
    return (scope, metric) if metric else ("", name)


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
