"""Counting says of every setting how many items reach a bar, as far as that is still a question."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.pipeline.benchmarks.jsonl import protocol
from likebut.pipeline.tuning import counting
from likebut.pipeline.tuning import pools as pools_module
from likebut.pipeline.tuning.counting import Around, Desk, Tried, counts_above
from likebut.pipeline.tuning.pools import SLACK, Metric, Pool, means, values


def plain(items: np.ndarray, told: np.ndarray, bars: np.ndarray) -> np.ndarray:
    """(b, s) how many of (r + 1, n) items reach each bar."""
    return np.array([(items.T @ told >= bar).sum(0) for bar in bars])


def counted(items: np.ndarray, targets: np.ndarray, tried: Tried, bars: np.ndarray, k: int) -> np.ndarray:
    """(q, b, s) counts of (q, r + 1, n) items: the last row is what `counts_above` asks for."""
    less = np.full((len(items), 1, items.shape[2]), -1)
    largest = np.abs(np.concatenate([items, targets], axis=2)).max(2)
    whole = np.concatenate([items, less], axis=1).astype(np.float32)
    return counts_above(whole, targets, bars, tried, tried.margin(largest), k, Desk(tried))


def test_counts_are_worked_out_by_hand() -> None:
    # Two roles, and what is fixed. By (1, 0) the items score 3, 1, 3 and by (0, 1) they score 0, 5, 3.
    items = np.array([[3, 1, 2], [0, 5, 2], [0, 0, 1]], np.float32)[None]
    targets = np.array([[4, 4, 0], [1, 3, 0]], np.float32).T[None]  # they score 4, 4 and 1, 3
    bars = np.array([[[4.0, 4.0], [1.0, 3.0]]], np.float32)
    found = counted(items, targets, Tried.of(np.array([[1, 0], [0, 1]])), bars, 10)
    assert found.tolist() == [[[0, 1], [3, 2]]]


def test_tried_settings_have_a_one_for_what_is_fixed_and_places_of_variance_one() -> None:
    # The mean is (2, 1): the last setting is there, the others lie 4 and 2 from it on their own axes,
    # where the variances are 2 · 16 / 5 and 2 · 4 / 5.
    tried = Tried.of(np.array([[6, 1], [-2, 1], [2, 3], [2, -1], [2, 1]]))
    assert tried.told.tolist() == [[6, -2, 2, 2, 2], [1, 1, 3, -1, 1], [1] * 5]
    assert tried.sizes.max(1).tolist() == tried.most.tolist() == [6, 3, 1]
    assert tried.frame[0].tolist() == pytest.approx([2, 1, 1])
    assert np.abs(tried.frame[1:]) == pytest.approx(
        np.array([[np.sqrt(6.4), 0, 0], [0, np.sqrt(1.6), 0]]), abs=1e-6
    )
    far = np.sqrt(2.5)
    assert np.abs(tried.places) == pytest.approx(
        np.array([[far, far, 0, 0, 0], [0, 0, far, far, 0]]), abs=1e-6
    )


def test_what_an_item_needs_to_reach_a_target_is_worked_out_by_hand() -> None:
    tried = Tried.of(np.array([[6, 1], [-2, 1], [2, 3], [2, -1]]))
    # By the mean (2, 1) the target scores 3, the items 5 and 1. The second would need 2 more: its score
    # moves by 0.25 along the first weight, whose deviation is √8, and by −2.5 along the second's √2.
    targets = np.array([[1], [1], [0]], np.float32)[None]
    items = np.array([[2, 1.25], [1, -1.5], [0, 0]], np.float32)[None]
    around = Around.of(tried, np.ones((1, 4), bool))
    sure = tried.margin(np.array([[2, 1.5, 0]], np.float32))
    ((above, below),) = around.reaches(tried.frame @ items, tried.frame @ targets, sure)
    assert above < 0
    assert below == pytest.approx(2 / np.hypot(0.25 * np.sqrt(8), 2.5 * np.sqrt(2)), rel=2e-3)
    assert around.norms(tried)[0] == pytest.approx(np.full(4, np.sqrt(2)), rel=2e-3)


def test_settings_that_go_on_have_a_mean_and_a_spread_of_their_own() -> None:
    tried = Tried.of(np.array([[6, 1], [-2, 1], [2, 3], [2, -1]]))
    # Of the last two the mean is (2, 1), and the first weight is 2 in both: they need not be asked
    # about an item that differs in the first weight alone, however much it would gain at (6, 1).
    around = Around.of(tried, np.array([[False, False, True, True]]))
    targets = np.array([[1], [1], [0]], np.float32)[None]
    items = np.array([[2], [-1.5], [0]], np.float32)[None]  # by (2, 1) it scores 2.5, the target 3
    sure = tried.margin(np.array([[2, 1.5, 0]], np.float32))
    needed = around.reaches(tried.frame @ items, tried.frame @ targets, sure)[0, 0]
    norms = around.norms(tried)[0]
    assert norms[2:] == pytest.approx([1, 1], rel=2e-3)
    assert needed == pytest.approx(
        0.5 / (2.5 * np.sqrt(4)), rel=2e-2
    )  # 2.5 less by each unit of the second
    assert norms[0] > 10


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    queries=st.integers(1, 3),
    items=st.integers(0, 700),
    tried=st.integers(1, 60),
    targets=st.integers(1, 3),
    enough=st.integers(1, 20),
    first=st.sampled_from([1, 16, 48]),
    spread=st.sampled_from([0, 1, 3]),
    negative=st.booleans(),
)
def test_counts_are_exact_below_what_is_enough(
    seed: int,
    queries: int,
    items: int,
    tried: int,
    targets: int,
    enough: int,
    first: int,
    spread: int,
    negative: bool,
) -> None:
    rng = np.random.default_rng(seed)
    # whole numbers, whose products are exact, so that ties are ties
    made = rng.integers(-4, 5, (queries, 4, items)).astype(np.float32)
    right = rng.integers(-2, 7, (queries, 4, targets)).astype(np.float32)
    weights = 3 + rng.integers(-spread, spread + 1, (tried, 3))
    told = Tried.of(weights * (rng.choice([-1, 1], 3) if negative else 1))
    bars = -np.sort(-(right.transpose(0, 2, 1) @ told.told), axis=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "FIRST", first)
        patch.setattr(counting, "AT_ONCE", 200)
        found = counted(made, right, told, bars, enough)
    for one, mine, bar in zip(found, made, bars, strict=True):
        exact = plain(mine, told.told, bar)
        asked = exact[0] < enough
        assert (one[:, asked] == exact[:, asked]).all()
        assert (one[:, ~asked] >= enough).all()
        assert (one <= exact).all()


@settings(max_examples=100)
@given(
    seed=st.integers(0, 2**32 - 1),
    near=st.sampled_from([0.0, 1e-7, 1e-3, 0.1, 3.0]),
    targets=st.integers(1, 3),
    same=st.booleans(),
    going=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    outlier=st.booleans(),
)
def test_no_item_that_reaches_a_target_is_left_out_however_near_settings_are(
    seed: int, near: float, targets: int, same: bool, going: float, outlier: bool
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal(5) + near * rng.standard_normal((80, 5))
    weights[0] *= 50 if outlier else 1
    tried = Tried.of(weights)
    items = rng.standard_normal((6, 300)).astype(np.float32)
    right = rng.standard_normal((6, targets)).astype(np.float32)
    if same:  # as the targets, or nearly
        items[:, :9] = right[:, :1] + np.float32(3e-8) * rng.standard_normal((6, 9)).astype(np.float32)
    largest = np.abs(np.concatenate([items, right], axis=1)).max(1)
    slack = SLACK * (largest @ tried.sizes)
    reached = (items.T @ tried.told)[:, None] >= right.T @ tried.told - slack  # (n, t, s)
    left = rng.random(80) < going
    around = Around.of(tried, left[None])
    placed, aims = tried.frame @ items[None], tried.frame @ right[None]
    needed = around.reaches(placed, aims, tried.margin(largest[None]))[0]
    norms = around.norms(tried)[0]
    # the bound holds in every setting, those that do not go on too
    assert not (reached.any(1) & (norms < needed[:, None])).any()


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


@pytest.mark.parametrize("name", ["Recall@1", "mAP@10"])
def test_a_mean_is_that_of_its_queries_one_by_one_however_they_are_put_together(name: str) -> None:
    rng = np.random.default_rng(5)
    metric = Metric.of(name, protocol("mine"))
    pools = []
    for query in range(75):  # with 0 to 4 targets, among 4 to 78 items
        targets = query % 5
        shares = rng.standard_normal((4, targets + query)).astype(np.float32)
        fixed = rng.standard_normal(targets + query).astype(np.float32)
        pools.append(Pool(shares, fixed, targets, max(4, targets)))
    tried = rng.standard_normal((50, 4))
    alone = sum(values(one, metric, tried) for one in pools) / len(pools)
    assert 0.05 < alone.mean() < 0.95
    assert means(pools, metric, tried) == pytest.approx(alone, abs=1e-12)
    assert (means(pools, metric, tried) == means(pools, metric, tried)).all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools_module, "STEP", 7)
        assert means(pools, metric, tried) == pytest.approx(alone, abs=1e-12)
