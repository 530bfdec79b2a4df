"""Pools: many settings at once say what ranking by each of them would say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.pipeline.benchmarks.jsonl import protocol
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.evaluation import metrics
from likebut.pipeline.records.trace import Grain
from likebut.pipeline.scoring.linear import fold
from likebut.pipeline.tuning.pools import Metric, Pool, directions, means, values

RULES = replace(protocol("mine"), metrics=("Recall@1", "Recall@2", "mAP@3", "aspects:Recall@10"))


def pool(*columns: tuple[float, ...], targets: int = 1, total: int = 1) -> Pool:
    """Items as columns of what each role adds, the targets first."""
    shares = np.array(columns, np.float32).T
    return Pool(shares, np.zeros(len(columns), np.float32), targets, total)


def test_a_rank_is_worked_out_by_hand_for_two_settings() -> None:
    # Scores by (1, 0): target 0.5, others 0.9 and 0.1 → rank 2. By (0, 1): 0.5, 0.1, 0.9 → rank 2.
    # By (1, 1): 1.0, 1.0, 1.0 → a tie goes against the target, rank 3. By (2, 2), too.
    one = pool((0.5, 0.5), (0.9, 0.1), (0.1, 0.9))
    tried = np.array([[1, 0], [0, 1], [1, 1], [2, 2]])
    assert values(one, Metric.of("Recall@1", RULES), tried).tolist() == [0, 0, 0, 0]
    assert values(one, Metric.of("Recall@2", RULES), tried).tolist() == [1, 1, 0, 0]


def test_average_precision_is_worked_out_by_hand() -> None:
    # Order: target 3, other 2, target 1, other 0. Precision 1 at rank 1, 2/3 at rank 3, of 2 targets.
    one = pool((3.0,), (1.0,), (2.0,), (0.0,), targets=2, total=2)
    assert values(one, Metric.of("mAP@3", RULES), np.array([[1.0]])) == pytest.approx([5 / 6])
    # The same with four targets in the benchmark, two of them not in the gallery.
    assert values(replace(one, total=4), Metric.of("mAP@3", RULES), np.array([[1.0]])) == (
        pytest.approx([(1 + 2 / 3) / 3])
    )


def test_what_is_fixed_counts_in_every_setting() -> None:
    one = replace(pool((1.0,), (0.9,)), fixed=np.array([0.0, 0.5], np.float32))
    found = values(one, Metric.of("Recall@1", RULES), np.array([[1.0], [10.0]]))
    assert found.tolist() == [0, 1]


def test_a_query_without_a_target_in_the_gallery_counts_as_not_found() -> None:
    nothing = Pool(np.zeros((0, 0), np.float32), np.zeros(0, np.float32), 0, 1)
    tried = np.array([[1.0], [2.0]])
    found = means([pool((1.0,), (0.5,)), nothing], Metric.of("Recall@1", RULES), tried)
    assert found.tolist() == [0.5, 0.5]


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    name=st.sampled_from(["Recall@1", "Recall@2", "mAP@3"]),
    targets=st.integers(1, 5),
    coarse=st.booleans(),
)
def test_every_setting_agrees_with_the_metric_of_its_ranking(
    seed: int, name: str, targets: int, coarse: bool
) -> None:
    rng = np.random.default_rng(seed)
    shares = rng.standard_normal((3, 12))
    tried = rng.standard_normal((7, 3))
    if coarse:  # many exact ties
        shares, tried = np.round(shares), np.round(tried)
    shares = shares.astype(np.float32)
    one = Pool(shares, np.zeros(12, np.float32), targets, targets)
    metric = Metric.of(name, RULES)
    right = {str(n) for n in range(targets)}
    for found, setting in zip(values(one, metric, tried), tried, strict=True):
        scores = setting.astype(np.float32) @ shares
        flags = metrics.hits([(str(n), float(s)) for n, s in enumerate(scores)], right)
        expected = (
            metrics.average_precision_at(flags, targets, metric.k)
            if metric.kind == "mAP"
            else metrics.recall_at(flags, metric.k)
        )
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("calibration", ["none", "zscore", "centred"])
def test_directions_times_weights_are_the_fold(calibration: str) -> None:
    rng = np.random.default_rng(1)
    gallery = rng.standard_normal((40, 8)) + 0.5
    mu, sigma = gallery.mean(0), np.cov(gallery.T, bias=True)
    weights = {"reference": 0.5, "desired": -0.4, "caption": 0.2}
    units = rng.standard_normal((4, 8))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    parts = [("reference", 0.5), ("desired", -0.2), ("desired", -0.2), ("modification", 1.5)]
    grains = [
        Grain(f"{n}", role, weight, unit.astype(np.float32))
        for n, ((role, weight), unit) in enumerate(zip(parts, units, strict=True))
    ]
    fused = fold(grains, calibration, mu, sigma)  # type: ignore[arg-type]
    roles, fixed = directions(fused, weights)
    assert roles.shape == (3, 8)
    assert not roles[2].any()  # the query has no caption
    total = np.array(list(weights.values())) @ roles + fixed
    assert total == pytest.approx(fused.vector.astype(float), abs=1e-5)
    assert np.abs(fixed).max() > 0  # the sentence is no part of the weights


def test_an_unknown_metric_is_named_with_near_ones() -> None:
    with pytest.raises(ConfigError) as caught:
        Metric.of("Recal@2", RULES)
    assert "mine has no metric 'Recal@2'" in caught.value.message
    assert "'Recall@2'" in caught.value.hint
    with pytest.raises(ConfigError):
        Metric.of("aspects:Recall@10", RULES)
