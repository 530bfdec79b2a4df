"""Metrics, per query first: recall, subset recall, mAP; ties are broken against the target.

A ranking is a list of (item id, score), best first. Where only an order is known (a submission
file), scores fall by one. ``whole`` says that nothing was left out behind the last item: otherwise
a target that ties with the last item may stand behind things that are not in the list, and counts
as not found: ask for one place more than the largest k.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from statistics import fmean

import numpy as np

Ranked = Sequence[tuple[str, float]]


def in_order(ids: Sequence[str]) -> list[tuple[str, float]]:
    """A ranking without ties from an order alone."""
    return [(ident, -float(place)) for place, ident in enumerate(ids)]


def without(ranking: Ranked, gone: Collection[str]) -> list[tuple[str, float]]:
    """The ranking without some items: a reference, or what is outside a subset."""
    return [pair for pair in ranking if pair[0] not in gone]


def hits(ranking: Ranked, targets: Collection[str], *, whole: bool = True) -> list[bool]:
    """Whether each place of the ranking holds a target, ties broken against the targets.

    NaN scores rank last. A group of equal scores puts its targets behind its other items, and
    where the list is not ``whole``, the targets of its last group are not found at all. A target is
    found once: a copy of it in the list is one more item that is wrong.
    """
    ordered = sorted(ranking, key=lambda pair: -pair[1] if pair[1] == pair[1] else np.inf)
    groups = [list(group) for _, group in groupby(ordered, key=lambda pair: _same(pair[1]))]
    flags: list[bool] = []
    left = set(targets)
    for number, group in enumerate(groups):
        here = left & {ident for ident, _ in group}
        left -= here
        found = len(here)
        if number == len(groups) - 1 and not whole:
            flags += [False] * len(group)
        else:
            flags += [False] * (len(group) - found) + [True] * found
    return flags


def _same(score: float) -> float | None:
    return score if score == score else None


def recall_at(flags: Sequence[bool], k: int) -> float:
    """1.0 where a target is among the first ``k`` places."""
    return float(any(flags[:k]))


def average_precision_at(flags: Sequence[bool], total: int, k: int) -> float:
    """CIRCO's AP@k (Baldrati et al. 2023): mean precision at correct ranks, over min(total, k)."""
    right, gain = 0, 0.0
    for rank, correct in enumerate(flags[:k], 1):
        if correct:
            right += 1
            gain += right / rank
    return gain / min(total, k) if total else 0.0


def average_precision(flags: Sequence[bool], total: int) -> float:
    """i-CIR's AP over all places (Psomas et al. 2025): the area under precision over recall, by trapezoids.

    The j-th right item, at rank r, adds the mean of (j - 1) / (r - 1), which is 1 at the first rank, and
    j / r. The official scorer divides by ``total`` + 1e-5: a perfect ranking has a little less than 1.
    """
    right, area = 0, 0.0
    for rank, correct in enumerate(flags, 1):
        if correct:
            before = right / (rank - 1) if rank > 1 else 1.0
            right += 1
            area += (before + right / rank) / 2
    return area / (total + 1e-5) if total else 0.0


def precision_at(flags: Sequence[bool], total: int, k: int) -> float:
    """The share of the first ``k`` places that is right."""
    return sum(flags[:k]) / k


def ndcg_at(flags: Sequence[bool], total: int, k: int) -> float:
    """nDCG@k of ``total`` right items, those that are not in the list counted as ranked last (INQUIRE)."""
    gain = sum(1 / math.log2(rank + 1) for rank, right in enumerate(flags[:k], 1) if right)
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(total, k) + 1))
    return gain / best if total else 0.0


def reciprocal_rank_at(flags: Sequence[bool], total: int, k: int) -> float:
    """1 / the rank of the first right item; 0 where none is among the first ``k``."""
    return next((1 / rank for rank, right in enumerate(flags[:k], 1) if right), 0.0)


# Metrics over all correct items: of the places, their number in all, and k.
OF_ALL = {
    "mAP": average_precision_at,
    "precision": precision_at,
    "nDCG": ndcg_at,
    "MRR": reciprocal_rank_at,
}

# Metrics of groups of queries, such as i-CIR's instances: what is made of a group's ``mAP``.
OF_GROUPS: dict[str, Callable[[Sequence[float]], float]] = {"mmAP": fmean, "minmAP": min}


def cumulative(name: str, found: Sequence[float]) -> dict[str, float]:
    """ChatIR's Hits@k of one dialogue: 1.0 from the first round on in which its picture was found.

    By its ``name`` alone after the last round, and after each.
    """
    rounds = {f"{name} round {last}": max(found[: last + 1]) for last in range(len(found))}
    return {name: max(found), **rounds}


def interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float, float]:
    """Mean, and the ends of its percentile bootstrap interval over queries."""
    from scipy.stats import bootstrap

    data = np.asarray(values, np.float64)
    if data.size == 0:
        return float("nan"), float("nan"), float("nan")
    if data.min() == data.max():
        return float(data[0]), float(data[0]), float(data[0])
    ends = bootstrap(
        (data,),
        np.mean,
        n_resamples=2000,
        batch=100,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(data.mean()), float(ends.low), float(ends.high)


def table(per_query: Sequence[Mapping[str, float]], *, level: float = 0.95) -> dict[str, dict[str, float]]:
    """Name → mean, low, high and n of every metric that any query has."""
    names = list(dict.fromkeys(name for row in per_query for name in row))
    result = {}
    for name in names:
        values = [row[name] for row in per_query if name in row]
        mean, low, high = interval(values, level=level)
        result[name] = {"mean": mean, "low": low, "high": high, "n": len(values)}
    return result
