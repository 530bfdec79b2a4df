"""Pools: of every query the few items that can be ranked first, so that thousands of weights are tried.

A linear score is Σ w·s with s what a role adds per unit of its weight. The best items of every role
and all targets make the pool of a query; its (roles × items) matrix of s turns a setting of the
weights into a ranking by one small product, and many settings at once by one larger one. Items
outside the pool are not seen: a metric over pools is never below the one over the gallery.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, did_you_mean
from ..scoring import linear
from .counting import Desk, Tried, counts_above

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...indexes.contract import Gallery
    from ..benchmarks.records import Protocol
    from ..config.parts import Fusion
    from ..records.trace import Grain

SIZE = 200  # items of every role
TOGETHER = 8  # queries that are counted together
TURN = 4  # such groups of one thread's turn; their sum is the same however many threads there are
STEP = 2048  # settings that are looked at together
NOWHERE = -1e15  # the score of no item: its square is still a number
SLACK = 1e-6  # of the largest possible score: float32 products that differ by less are ties
_BLAS = Lock()  # how many cores it has is one number for a process


@dataclass(frozen=True)
class Metric:
    """A metric of a protocol by its parts: "subset_recall@1" is ("subset_recall", 1)."""

    name: str
    kind: str
    k: int

    @classmethod
    def of(cls, name: str, protocol: Protocol) -> Metric:
        """Raises ConfigError for a metric that the protocol does not have."""
        known = [one for one in protocol.metrics if ":" not in one]
        if name not in known:
            raise ConfigError(f"{protocol.name} has no metric {name!r}", did_you_mean(name, known))
        kind, _, k = name.partition("@")
        if kind not in ("Recall", "subset_recall", "mAP") or not k:
            raise ConfigError(f"weights are not tuned for {name}", "choose Recall@k or mAP@k with --on")
        return cls(name, kind, int(k))


@dataclass(frozen=True)
class Pool:
    """The candidates of one query, the ``targets`` that were found first.

    ``shares`` (r, p) float32: what each role adds per unit of weight. ``fixed`` (p,): what grains
    outside the weights add. ``total``: targets in all, the gallery's or not.
    """

    shares: NDArray[Any]
    fixed: NDArray[Any]
    targets: int
    total: int


@dataclass(frozen=True)
class PoolQuery:
    """What a pool is made of: grains, the rows that count as found, and what may be ranked.

    ``only`` is a subset that is ranked alone; empty means the gallery without ``exclude``.
    """

    grains: Sequence[Grain]
    targets: Sequence[int]
    total: int
    exclude: Collection[int] = ()
    only: Sequence[int] | None = None


def pools(
    index: Gallery,
    fusion: Fusion,
    weights: Mapping[str, float],
    questions: Sequence[PoolQuery],
    size: int = SIZE,
) -> list[Pool]:
    """A pool per question, in order.

    Its items are the ``size`` best of every role (by the sign of its weight) and of all grains
    together. ``weights`` are those that the grains were made with.
    """
    statistics = (None, None) if fusion.calibration == "none" else (index.mu, index.sigma)
    made = []
    for question in questions:
        fused = linear.fold(question.grains, fusion.calibration, *statistics)
        roles, fixed = directions(fused, weights)
        signs = np.sign(list(weights.values()))[:, None]
        wanted = np.concatenate([roles * signs, fused.vector[None]])
        rows = _candidates(index, question, wanted, size)
        vectors = index.take(rows).astype(np.float64)
        targets = len(set(question.targets) & set(rows))
        made.append(
            Pool(
                (roles @ vectors.T).astype(np.float32),
                (fixed @ vectors.T).astype(np.float32),
                targets,
                question.total,
            )
        )
    return made


def directions(fused: Any, weights: Mapping[str, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """((r, d) the vector of each role per unit of weight, (d,) the sum of all other grains).

    A role that a query has no grain of is a row of zeros. Biases are the same for all items of a
    query and are left out.
    """
    names = list(weights)
    roles = np.zeros((len(names), len(fused.vector)))
    fixed = np.zeros(len(fused.vector))
    for grain, scale in zip(fused.grains, fused.scales, strict=True):
        vector = grain.vector.astype(np.float64)
        if grain.role in weights:
            roles[names.index(grain.role)] += scale / weights[grain.role] * vector
        else:
            fixed += scale * vector
    return roles, fixed


def _candidates(index: Gallery, question: PoolQuery, wanted: NDArray[np.float64], size: int) -> list[int]:
    """Rows of a pool, the targets first, then in the gallery's order."""
    from ...indexes import exact

    barred = set(question.exclude)
    if question.only is not None:
        allowed = set(question.only) - barred
    else:
        found, _ = exact.search(index, wanted, min(size, index.count), exclude=[barred] * len(wanted))
        allowed = set(map(int, np.unique(found[found >= 0]))) | (set(question.targets) - barred)
    right = sorted(allowed & set(question.targets))
    return right + sorted(allowed - set(right))


def means(pools: Sequence[Pool], metric: Metric, settings: NDArray[Any]) -> NDArray[np.float64]:
    """(s,) the metric's mean over queries for each of (s, r) settings of the weights."""
    groups = _alike(pools)
    parts = [settings[at : at + STEP] for at in range(0, len(settings), STEP)]
    whole = [_sums(groups, metric, Tried.of(part)) for part in parts]
    mean: NDArray[np.float64] = np.concatenate([np.zeros(0), *whole]) / max(1, len(pools))
    return mean


def _alike(pools: Sequence[Pool]) -> list[list[Pool]]:
    """Those with a target, in groups of as many targets, and of about as many items."""
    found = sorted(
        (pool for pool in pools if pool.targets), key=lambda pool: (pool.targets, pool.shares.shape[1])
    )
    same = [list(alike) for _, alike in groupby(found, key=lambda pool: pool.targets)]
    return [alike[at : at + TOGETHER] for alike in same for at in range(0, len(alike), TOGETHER)]


def _sums(groups: Sequence[Sequence[Pool]], metric: Metric, tried: Tried) -> NDArray[np.float64]:
    """(s,) the sum over all queries; each thread takes some groups at a turn.

    BLAS has one core in each. Its own threads wait for each other by spinning: with them two threads on two
    cores took 2.5 times as long, and a hundred times as long beside another program.
    """
    from threadpoolctl import threadpool_limits

    turns = [groups[at : at + TURN] for at in range(0, len(groups), TURN)]
    nothing = np.zeros(tried.told.shape[1])

    def total(turn: Sequence[Sequence[Pool]]) -> NDArray[np.float64]:
        desk = Desk(tried)
        return sum((sums(group, metric, tried, desk) for group in turn), nothing)

    with (
        _BLAS,
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads,
    ):
        return sum(threads.map(total, turns), nothing)


def values(pool: Pool, metric: Metric, settings: NDArray[Any]) -> NDArray[np.float64]:
    """(s,) the metric of one query; ties go against the targets, as in `metrics.hits`."""
    tried = Tried.of(settings)
    return sums([pool], metric, tried, Desk(tried)) if pool.targets else np.zeros(len(settings))


def sums(pools: Sequence[Pool], metric: Metric, tried: Tried, desk: Desk) -> NDArray[np.float64]:
    """(s,) the sum of the metric over queries of as many targets, at least one, worked out on a desk."""
    count = pools[0].targets
    items = _side_by_side(pools)
    targets, others = items[:, :-1, :count], items[:, :, count:]
    largest = np.stack([_largest(pool) for pool in pools])
    right = targets.transpose(0, 2, 1) @ tried.told
    if count > 1:
        right = np.sort(right, axis=1)[:, ::-1]
    found = min(count, metric.k) if metric.kind == "mAP" else 1
    bars = right[:, :found] - (SLACK * (largest @ tried.sizes))[:, None]
    above = counts_above(others, targets, bars, tried, tried.margin(largest), metric.k, desk)
    ranks = above + np.arange(1, found + 1)[:, None]
    gain: NDArray[np.float64]
    if metric.kind == "mAP":
        places = enumerate(ranks.swapaxes(0, 1), 1)
        gains = sum(np.where(rank <= metric.k, place / rank, 0.0) for place, rank in places)
        gain = (gains / np.array([[min(pool.total, metric.k)] for pool in pools])).sum(0)
    else:
        gain = (ranks[:, 0] <= metric.k).sum(0, dtype=np.float64)
    return gain


def _side_by_side(pools: Sequence[Pool]) -> NDArray[np.float32]:
    """(q, r + 2, n) items of queries: shares, what is fixed, −1; where there is no item, far below all."""
    rows, most = pools[0].shares.shape[0], max(pool.shares.shape[1] for pool in pools)
    items = np.full((len(pools), rows + 2, most), -1, np.float32)
    for room, pool in zip(items, pools, strict=True):
        count = len(pool.fixed)
        room[:rows, :count], room[rows, :count] = pool.shares, pool.fixed
        room[:rows, count:], room[rows, count:] = 0, NOWHERE
    return items


def _largest(pool: Pool) -> NDArray[np.float32]:
    """(r + 1,) the largest absolute value of any item, by role, and of what is fixed."""
    return np.append(np.abs(pool.shares).max(1), np.abs(pool.fixed).max()).astype(np.float32)
