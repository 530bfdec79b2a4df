"""Maps between the spaces of two encoders, against cases that one can work by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.indexes.mapping import agreement, best_ridge, learn, ridge


def rows_of(seed: int, count: int, wide: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, wide)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_a_quarter_turn_is_found() -> None:
    old = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
    new = np.array([[0, 1], [-1, 0], [0, -1], [1, 0]], np.float32)
    bridge = learn(old, new)
    assert bridge.turn == pytest.approx(np.array([[0, 1], [-1, 0]]), abs=1e-6)
    assert bridge(np.array([[0.6, 0.8]])) == pytest.approx(np.array([[-0.8, 0.6]]), abs=1e-6)


@given(st.integers(0, 1000), st.integers(2, 8), st.integers(0, 4))
def test_a_space_that_is_the_old_one_turned_is_found_whole(seed: int, wide: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.standard_normal((wide + more, wide + more)))[0][:wide].astype(np.float32)
    old = rows_of(seed, 60, wide)
    new = old @ turn
    bridge = learn(old[:40], new[:40])
    assert np.abs(bridge(old[40:]) - new[40:]).max() < 1e-4
    assert agreement(new[40:], bridge(old[40:]), 5) == pytest.approx(1.0)


@given(st.integers(0, 1000))
def test_rows_are_of_length_one_into_smaller_spaces_too(seed: int) -> None:
    bridge = learn(rows_of(seed, 50, 8), rows_of(seed + 1, 50, 3))
    lengths = np.linalg.norm(bridge(rows_of(seed + 2, 20, 8)), axis=1)
    assert lengths == pytest.approx(np.ones(20), abs=1e-5)


def test_agreement_is_the_share_of_the_nearest_that_are_the_same() -> None:
    places = np.radians([0, 10, 25, 90, 110, 135])
    exact = np.stack([np.cos(places), np.sin(places)], axis=1)
    assert agreement(exact, exact, 2) == 1.0
    exchanged = exact[[0, 1, 3, 2, 4, 5]]  # the third and the fourth have each other's place
    # the nearest of rows 0 to 5 are 1, 0, 1, 4, 3, 4; when exchanged 1, 0, 4, 1, 2, 4
    assert agreement(exact, exchanged, 1) == pytest.approx(3 / 6)
    assert agreement(exact[:1], exact[:1]) == 0.0


def test_of_few_rows_no_more_than_a_quarter_is_looked_at() -> None:
    exact, other = rows_of(1, 8, 5), rows_of(2, 8, 5)
    assert agreement(exact, other, 10) == agreement(exact, other, 2) < 1


def test_spaces_that_have_nothing_in_common_agree_by_chance_alone() -> None:
    old, new = rows_of(1, 600, 16), rows_of(2, 600, 16)
    bridge = learn(old[:400], new[:400])
    assert agreement(new[400:], bridge(old[400:])) < 0.15


def test_a_ridge_of_strength_one_turns_and_halves() -> None:
    old = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
    new = np.array([[0, 1], [-1, 0], [0, -1], [1, 0]], np.float32)
    # XᵀX is 2 I, whose diagonal has the mean 2; XᵀY is [[0, 2], [-2, 0]], divided by 2 + 2.
    bridge = ridge(old, new, 1.0)
    assert bridge.turn == pytest.approx(np.array([[0, 0.5], [-0.5, 0]]), abs=1e-6)
    assert bridge(np.array([[0.6, 0.8]])) == pytest.approx(np.array([[-0.8, 0.6]]), abs=1e-6)


def test_a_ridge_with_bias_goes_through_both_means_and_one_without_through_zero() -> None:
    old, new = np.array([[1.0, 0], [3, 0]]), np.array([[0.0, 5], [0, 7]])
    bias, plain = ridge(old, new, 1e-9), ridge(old, new, 1e-9, centred=False)
    assert bias.before.tolist() == [2, 0]
    assert bias.after.tolist() == [0, 6]
    assert bias.turn == pytest.approx(np.array([[0, 1], [0, 0]]), abs=1e-5)
    assert not plain.before.any()
    assert not plain.after.any()
    # without: (1·5 + 3·7) / (1 + 9) = 2.6 along the first of two dimensions
    assert plain.turn == pytest.approx(np.array([[0, 2.6], [0, 0]]), abs=1e-5)


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(2, 6), st.booleans())
def test_a_ridge_is_where_the_penalised_squares_are_least(
    seed: int, wide: int, other: int, centred: bool
) -> None:
    old, new = rows_of(seed, 30, wide), rows_of(seed + 1, 30, other)
    bridge = ridge(old, new, 0.1, centred=centred)
    given_, wanted = old - bridge.before, new - bridge.after
    weight = 0.1 * float((given_.astype(np.float64) ** 2).sum()) / wide

    def cost(turn: np.ndarray) -> float:
        return float(((given_ @ turn - wanted) ** 2).sum() + weight * (turn**2).sum())

    rng = np.random.default_rng(seed)
    least = cost(bridge.turn.astype(np.float64))
    for _ in range(5):
        assert least <= cost(bridge.turn + 0.01 * rng.standard_normal(bridge.turn.shape)) + 1e-6


@given(st.integers(0, 1000), st.integers(2, 8), st.integers(1, 8))
def test_a_space_that_is_a_linear_map_of_the_other_is_found_whole(seed: int, wide: int, other: int) -> None:
    old = rows_of(seed, 80, wide)
    linear = np.random.default_rng(seed).standard_normal((wide, other))
    bridge = ridge(old[:60], old[:60] @ linear, 1e-9, centred=False)
    assert bridge.turn == pytest.approx(linear, abs=1e-4)
    wanted = old[60:] @ linear
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert np.abs(bridge(old[60:]) - wanted).max() < 1e-2


def test_the_best_ridge_is_the_one_that_agrees_on_rows_it_was_not_learnt_from() -> None:
    old = rows_of(1, 400, 12)
    noise = 0.3 * np.random.default_rng(2).standard_normal((400, 6))
    new = old @ np.random.default_rng(3).standard_normal((12, 6)) + noise + 4  # far from zero
    new = (new / np.linalg.norm(new, axis=1, keepdims=True)).astype(np.float32)
    best = best_ridge(old[:200], new[:200], old[200:], new[200:])
    assert best.before.any()  # here a bias is of use
    agreed = agreement(new[200:], best(old[200:]), asking=True)
    for strength in (1e-4, 1.0):
        for centred in (True, False):
            other = ridge(old[:200], new[:200], strength, centred=centred)
            assert agreed >= agreement(new[200:], other(old[200:]), asking=True)


def test_a_ridge_of_rows_that_are_all_the_same_is_finite() -> None:
    same = np.ones((20, 3), np.float32)
    bridge = ridge(same, same, 0.1)
    assert np.isfinite(bridge.turn).all()
    assert bridge(same[:1]) == pytest.approx(np.full((1, 3), 3**-0.5), abs=1e-6)


def test_mapped_questions_look_among_exact_rows() -> None:
    places = np.radians([0, 10, 25, 90, 110, 135])
    exact = np.stack([np.cos(places), np.sin(places)], axis=1)
    astray = exact.copy()
    astray[0] = exact[5]  # one question that is asked of the wrong place
    # mapped, row 0 is nearest to row 5 instead of row 1; as a row among others it would mislead row 4, too
    assert agreement(exact, astray, 1, asking=True) == pytest.approx(5 / 6)
    assert agreement(exact, astray, 1) < 5 / 6
