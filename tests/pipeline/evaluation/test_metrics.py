"""Metrics: hand-worked numbers, and ties that never help."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.evaluation.metrics import (
    average_precision_at,
    hits,
    in_order,
    interval,
    recall_at,
    table,
    without,
)

NAN = float("nan")


def test_a_target_is_found_where_it_stands() -> None:
    flags = hits(in_order(["a", "b", "c"]), {"c"})
    assert flags == [False, False, True]
    assert (recall_at(flags, 2), recall_at(flags, 3)) == (0.0, 1.0)


def test_a_tie_is_broken_against_the_target() -> None:
    assert hits([("t", 0.5), ("x", 0.5), ("y", 0.1)], {"t"}) == [False, True, False]


def test_equal_scores_everywhere_put_the_target_last() -> None:
    ranking = [("t", 1.0), ("a", 1.0), ("b", 1.0)]
    assert recall_at(hits(ranking, {"t"}), 2) == 0.0


def test_a_copy_of_the_target_is_one_more_wrong_item() -> None:
    # GeneCIS, change_object: one query has its target among its distractors, too
    ranking = [("t", 0.9), ("t", 0.9), ("x", 0.5)]
    assert hits(ranking, {"t"}) == [False, True, False]
    assert hits([("t", 0.9), ("x", 0.5), ("t", 0.4)], {"t"}) == [True, False, False]


def test_a_score_that_is_not_a_number_ranks_last() -> None:
    assert hits([("t", NAN), ("a", 0.1)], {"t"}) == [False, True]
    assert hits([("t", NAN), ("a", NAN)], {"t"}) == [False, True]


def test_a_tie_at_the_end_of_a_cut_list_is_a_miss() -> None:
    ranking = [("a", 0.9), ("t", 0.5), ("b", 0.5)]
    assert hits(ranking, {"t"}, whole=False) == [False, False, False]
    assert hits([*ranking, ("c", 0.4)], {"t"}, whole=False) == [False, False, True, False]


def test_the_reference_is_taken_out() -> None:
    assert without(in_order(["r", "a"]), {"r"}) == [("a", -1.0)]


def test_average_precision_over_several_ground_truths_is_worked_out_by_hand() -> None:
    flags = [True, False, True, False]
    assert average_precision_at(flags, 3, 5) == pytest.approx((1 + 2 / 3) / 3)
    assert average_precision_at(flags, 3, 2) == pytest.approx(1 / 2)
    assert average_precision_at(flags, 0, 5) == 0.0


@given(
    scores=st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=12),
    place=st.integers(0, 11),
    k=st.integers(1, 12),
)
def test_recall_counts_everything_that_is_not_below_the_target(
    scores: list[float], place: int, k: int
) -> None:
    place %= len(scores)
    ranking = sorted(enumerate(scores), key=lambda pair: -pair[1])
    flags = hits([(str(i), score) for i, score in ranking], {str(place)})
    rank = sum(score >= scores[place] for score in scores)
    assert flags.index(True) + 1 == rank
    assert recall_at(flags, k) == float(rank <= k)


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(1, 20))
def test_average_precision_lies_between_nothing_and_perfect(flags: list[bool], k: int) -> None:
    total = max(1, sum(flags))
    value = average_precision_at(flags, total, k)
    assert 0 <= value <= 1
    assert average_precision_at(sorted(flags, reverse=True), total, k) >= value


def test_an_interval_holds_its_mean_and_a_constant_has_none() -> None:
    mean, low, high = interval([0.0, 1.0] * 200)
    assert low < mean == 0.5 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 20, abs=0.015)
    assert interval([1.0, 1.0]) == (1.0, 1.0, 1.0)
    assert np.isnan(interval([])[0])


def test_a_table_says_its_n_for_every_metric() -> None:
    rows = table([{"a": 1.0, "b": 0.0}, {"a": 0.0}])
    assert (rows["a"]["mean"], rows["a"]["n"]) == (0.5, 2)
    assert (rows["b"]["mean"], rows["b"]["n"]) == (0.0, 1)
