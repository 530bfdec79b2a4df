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
TOGETHER = 32  # queries of one thread's turn; their sum is the same however many threads there are
SLACK = 1e-6  # of the largest possible score: float32 products that differ by less are ties


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
    tried = Tried.of(settings)
    groups = [pools[at : at + TOGETHER] for at in range(0, len(pools), TOGETHER)]

    def total(group: Sequence[Pool]) -> NDArray[np.float64]:
        desk = Desk(len(tried.told))
        found: NDArray[np.float64] = sum(
            (values_of(one, metric, tried, desk) for one in group), np.zeros(len(settings))
        )
        return found

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        whole = sum(threads.map(total, groups), np.zeros(len(settings)))
    return tried.as_given(whole / max(1, len(pools)))


def values(pool: Pool, metric: Metric, settings: NDArray[Any]) -> NDArray[np.float64]:
    """(s,) the metric of one query; ties go against the targets, as in `metrics.hits`."""
    tried = Tried.of(settings)
    return tried.as_given(values_of(pool, metric, tried, Desk(len(tried.told))))


def values_of(pool: Pool, metric: Metric, tried: Tried, desk: Desk) -> NDArray[np.float64]:
    """(s,) the metric of one query in the settings that are tried, in their order, worked out on a desk."""
    if not pool.targets:
        return np.zeros(tried.told.shape[1])
    items = np.concatenate([pool.shares, pool.fixed[None]]).astype(np.float32, copy=False)
    largest = np.abs(items).max(1)
    slack = SLACK * (largest @ tried.sizes)
    targets, others = items.T[: pool.targets], np.ascontiguousarray(items.T[pool.targets :])
    right = targets @ tried.told
    if len(right) > 1:
        right = np.sort(right, axis=0)[::-1]
    found = min(pool.targets, metric.k) if metric.kind == "mAP" else 1
    reaches = tried.reaches(others, targets, largest)
    above = counts_above(others, reaches, tried, right[:found] - slack, metric.k, desk)
    gain = np.zeros(tried.told.shape[1])
    for place, counts in enumerate(above, 1):
        rank = counts + place
        gain += np.where(rank <= metric.k, place / rank if metric.kind == "mAP" else 1.0, 0.0)
    whole: NDArray[np.float64] = gain / (min(pool.total, metric.k) if metric.kind == "mAP" else 1)
    return whole
