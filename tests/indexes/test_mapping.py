"""Maps between the spaces of two encoders, against cases that one can work by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.indexes.mapping import agreement, learn


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
