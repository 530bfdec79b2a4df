"""Counting says of every setting how many items reach a bar, as far as that is still a question."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.pipeline.benchmarks.jsonl import protocol
from likebut.pipeline.tuning import counting
from likebut.pipeline.tuning.counting import Desk, Tried, counts_above
from likebut.pipeline.tuning.pools import SLACK, Metric, Pool, means, values


def plain(items: np.ndarray, told: np.ndarray, bars: np.ndarray) -> np.ndarray:
    """(b, s) how many items reach each bar."""
    return np.array([(items @ told >= bar).sum(0) for bar in bars])


def test_counts_are_worked_out_by_hand() -> None:
    # Two roles, and what is fixed. By (1, 0) the items score 3, 1, 3 and by (0, 1) they score 0, 5, 3.
    items = np.array([[3, 0, 0], [1, 5, 0], [2, 2, 1]], np.float32)
    tried = Tried.of(np.array([[1, 0], [0, 1]]))
    bars = np.array([[3.5, 3.5], [1.5, 2.0]], np.float32)[:, tried.order]
    found = counts_above(items, np.zeros(3, np.float32), tried, bars, 10, Desk(3))
    assert found[:, np.argsort(tried.order)].tolist() == [[0, 1], [2, 2]]


def test_tried_settings_have_a_one_for_what_is_fixed_and_the_nearest_to_their_mean_come_first() -> None:
    # The mean is (2, 1): the last setting is there, the others lie 4 and 2 from it on their own axes.
    tried = Tried.of(np.array([[6, 1], [-2, 1], [2, 3], [2, -1], [2, 1]]))
    assert tried.order[0] == 4
    assert tried.told[:, 0].tolist() == [2, 1, 1]
    assert tried.told[:, tried.order.argsort()].tolist() == [[6, -2, 2, 2, 2], [1, 1, 3, -1, 1], [1] * 5]
    assert tried.sizes.max(1).tolist() == tried.most.tolist() == [6, 3, 1]
    # on two axes each pair shares the length 1: half of its square to either side
    assert tried.norms.tolist() == pytest.approx([0, *[np.sqrt(0.5)] * 4], abs=1e-6)
    assert tried.as_given(np.arange(5.0))[tried.order].tolist() == [0, 1, 2, 3, 4]


def test_what_an_item_needs_to_reach_a_target_is_worked_out_by_hand() -> None:
    tried = Tried.of(np.array([[6, 1], [-2, 1], [2, 3], [2, -1]]))
    # By the mean (2, 1) the target scores 3, the items 5 and 1. The second would need 2 more: its
    # score moves by 0.25 a unit along the first weight, and 4 · √2 units are the axis whose norm is 1.
    targets = np.array([[1, 1, 0]], np.float32)
    items = np.array([[2, 1, 0], [1.25, -1.5, 0]], np.float32)
    largest = np.abs(np.concatenate([items, targets])).max(0)
    above, below = tried.reaches(items, targets, largest)
    assert above < 0
    # Cauchy and Schwarz over both axes: √((0.25 · 4√2)² + (2.5 · 2√2)²) a norm of 1
    assert below == pytest.approx(2 / np.hypot(0.25 * 4 * np.sqrt(2), 2.5 * 2 * np.sqrt(2)), rel=1e-3)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    items=st.integers(0, 700),
    tried=st.integers(1, 60),
    targets=st.integers(1, 3),
    enough=st.integers(1, 20),
    step=st.sampled_from([3, 2048]),
    spread=st.sampled_from([0, 1, 3]),
    negative=st.booleans(),
)
def test_counts_are_exact_below_what_is_enough(
    seed: int, items: int, tried: int, targets: int, enough: int, step: int, spread: int, negative: bool
) -> None:
    rng = np.random.default_rng(seed)
    # whole numbers, whose products are exact, so that ties are ties
    made = rng.integers(-4, 5, (items, 4)).astype(np.float32)
    right = rng.integers(-2, 7, (targets, 4)).astype(np.float32)
    weights = 3 + rng.integers(-spread, spread + 1, (tried, 3))
    told = Tried.of(weights * (rng.choice([-1, 1], 3) if negative else 1))
    bars = -np.sort(-(right @ told.told), axis=0)
    exact = plain(made, told.told, bars)
    reaches = told.reaches(made, right, np.abs(np.concatenate([made, right])).max(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "STEP", step)
        found = counts_above(made, reaches, told, bars, enough, Desk(4))
    asked = exact[0] < enough
    assert (found[:, asked] == exact[:, asked]).all()
    assert (found[:, ~asked] >= enough).all()
    assert (found <= exact).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    near=st.sampled_from([0.0, 1e-7, 1e-3, 0.1, 3.0]),
    targets=st.integers(1, 3),
    same=st.booleans(),
)
def test_no_item_that_reaches_a_target_is_left_out_however_near_settings_are(
    seed: int, near: float, targets: int, same: bool
) -> None:
    rng = np.random.default_rng(seed)
    tried = Tried.of(rng.standard_normal(5) + near * rng.standard_normal((80, 5)))
    items = rng.standard_normal((300, 6)).astype(np.float32)
    right = rng.standard_normal((targets, 6)).astype(np.float32)
    if same:  # as the targets, or nearly
        items[:9] = right[0] + np.float32(3e-8) * rng.standard_normal((9, 6)).astype(np.float32)
    largest = np.abs(np.concatenate([items, right])).max(0)
    slack = SLACK * (largest @ tried.sizes)
    reached = (items @ tried.told)[:, None] >= right @ tried.told - slack  # (n, t, s)
    needed = tried.reaches(items, right, largest)
    assert not (reached.any(1) & (tried.norms < needed[:, None])).any()


@pytest.mark.parametrize("count", [1, 2, 3, 500])
@pytest.mark.parametrize("name", ["Recall@1", "Recall@10", "mAP@10"])
def test_pools_as_large_as_real_ones_are_counted_as_every_score_says(count: int, name: str) -> None:
    rng = np.random.default_rng(count)
    shares = rng.standard_normal((6, 1200)).astype(np.float32)
    shares[:, :3] += 1.2
    shares[:, 900:] = shares[:, 300:600]  # every tie twice
    one = Pool(shares, rng.standard_normal(1200).astype(np.float32) / 4, 3, 3)
    tried = rng.dirichlet(np.ones(6), count) * [1, 1, 1, 1, 1, -1]
    metric = Metric.of(name, protocol("mine"))
    scores = tried.astype(np.float32) @ shares + one.fixed
    best = -np.sort(-scores[:, :3], axis=1)
    slack = SLACK * (np.abs(tried) @ np.abs(shares).max(1) + np.abs(one.fixed).max())
    places = np.arange(1, 4)
    ranks = (scores[:, None, 3:] >= (best - slack[:, None])[:, :, None]).sum(2) + places
    found = ranks <= metric.k
    gains = (places / ranks * found).sum(1) / 3
    expected = gains if metric.kind == "mAP" else found[:, 0].astype(float)
    assert values(one, metric, tried) == pytest.approx(expected)
    assert count < 500 or 0.01 < expected.mean() < 0.99


def test_a_mean_is_that_of_its_queries_one_by_one_whatever_threads_there_are() -> None:
    rng = np.random.default_rng(5)
    metric = Metric.of("mAP@10", protocol("mine"))
    shares = [rng.standard_normal((4, 60)).astype(np.float32) for _ in range(75)]
    pools = [Pool(one, rng.standard_normal(60).astype(np.float32), 3, 4) for one in shares]
    tried = rng.standard_normal((50, 4))
    alone = sum(values(one, metric, tried) for one in pools) / len(pools)
    assert means(pools, metric, tried) == pytest.approx(alone, abs=1e-12)
    assert (means(pools, metric, tried) == means(pools, metric, tried)).all()
