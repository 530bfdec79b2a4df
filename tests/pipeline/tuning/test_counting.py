"""Counting says of every setting how many items reach a bar, as far as that is still a question."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.pipeline.benchmarks.jsonl import protocol
from likebut.pipeline.tuning import counting
from likebut.pipeline.tuning.counting import Desk, Tried, counts_above
from likebut.pipeline.tuning.pools import Metric, Pool, means, values


def test_counts_are_worked_out_by_hand() -> None:
    # Two roles. By (1, 0) the items score 3, 1, 2 and by (0, 1) they score 0, 5, 2.
    items = np.array([[3, 0], [1, 5], [2, 2]], np.float32)
    told = np.array([[1, 0], [0, 1]], np.float32)
    bars = np.array([[2.5, 2.5], [1.5, 2.0]], np.float32)
    assert counts_above(items, told, bars, 10, Desk(2)).tolist() == [[1, 1], [2, 2]]


def test_tried_settings_have_a_one_for_what_is_fixed() -> None:
    tried = Tried.of(np.array([[1.0, -2.0], [3.0, 0.0]]))
    assert tried.told.tolist() == [[1, 3], [-2, 0], [1, 1]]
    assert tried.sizes.tolist() == [[1, 3], [2, 0], [1, 1]]
    assert tried.middle.tolist() == [2, -1, 1]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    items=st.integers(0, 700),
    tried=st.integers(1, 40),
    places=st.integers(1, 3),
    enough=st.integers(1, 20),
    step=st.sampled_from([3, 1024]),
)
def test_counts_are_exact_below_what_is_enough(
    seed: int, items: int, tried: int, places: int, enough: int, step: int
) -> None:
    rng = np.random.default_rng(seed)
    # whole numbers, whose products are exact, so that ties are ties
    made = rng.integers(-4, 5, (items, 3)).astype(np.float32)
    told = rng.integers(-3, 4, (3, tried)).astype(np.float32)
    bars = -np.sort(-rng.integers(-9, 25, (places, tried)), axis=0).astype(np.float32)
    exact = np.array([(made @ told >= bar).sum(0) for bar in bars])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "STEP", step)
        found = counts_above(made, told, bars, enough, Desk(3))
    asked = exact[0] < enough
    assert (found[:, asked] == exact[:, asked]).all()
    assert (found[:, ~asked] >= enough).all()
    assert (found <= exact).all()


def test_a_mean_is_that_of_its_queries_one_by_one_whatever_threads_there_are() -> None:
    rng = np.random.default_rng(5)
    metric = Metric.of("mAP@10", protocol("mine"))
    shares = [rng.standard_normal((4, 60)).astype(np.float32) for _ in range(75)]
    pools = [Pool(one, rng.standard_normal(60).astype(np.float32), 3, 4) for one in shares]
    tried = rng.standard_normal((50, 4))
    alone = sum(values(one, metric, tried) for one in pools) / len(pools)
    assert means(pools, metric, tried) == pytest.approx(alone, abs=1e-12)
    assert (means(pools, metric, tried) == means(pools, metric, tried)).all()
