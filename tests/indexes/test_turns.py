"""Turns before coding: lengths and angles stay, and every code has about as much to tell."""

from __future__ import annotations

import numpy as np
import pytest

from likebut.indexes.turns import affine, even_turn
from tests.clip_like import ClipLike

faiss = pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

WORLD = ClipLike(3000, 32)
ROWS = WORLD.pictures(3000) - WORLD.pictures(3000).mean(axis=0)


def test_products_stay_what_they_are() -> None:
    turn = even_turn(ROWS, 4)
    assert turn.shape == (32, 32)
    assert np.allclose(turn @ turn.T, np.eye(32), atol=1e-5)
    assert np.allclose((ROWS[:9] @ turn.T) @ (ROWS[:9] @ turn.T).T, ROWS[:9] @ ROWS[:9].T, atol=1e-5)


def test_by_hand_what_varies_most_lies_beside_what_varies_least() -> None:
    rows = np.diag([8.0, 4.0, 2.0, 1.0]).astype(np.float32)  # variances 64, 16, 4, 1, along the axes
    turned = rows @ even_turn(rows, 2).T
    variances = (turned**2).sum(axis=0).round(3).reshape(2, 2)
    assert sorted(sorted(pair) for pair in variances.tolist()) == [[1.0, 64.0], [4.0, 16.0]]


def test_groups_vary_more_alike_than_in_order_of_variance() -> None:
    def widest(turned: np.ndarray) -> float:
        parts = turned.var(axis=0).reshape(-1, 4).sum(axis=1)
        return float(parts.max() / parts.mean())

    directions = np.linalg.svd(ROWS, full_matrices=False)[2]
    assert widest(ROWS @ even_turn(ROWS, 4).T) < widest(ROWS @ directions.T)


@pytest.mark.parametrize("wide", [1, 3, 5, 31])
def test_a_length_that_groups_do_not_divide_is_filled_up(wide: int) -> None:
    rows = ROWS[:, :wide]
    turn = even_turn(rows, 4)
    assert turn.shape == (-(-wide // 4) * 4, wide)
    assert np.allclose((rows @ turn.T) @ (rows @ turn.T).T, rows @ rows.T, atol=1e-5)


def test_rows_that_are_all_alike_are_turned_too() -> None:
    turn = even_turn(np.zeros((100, 8), np.float32), 4)
    assert np.allclose(turn @ turn.T, np.eye(8), atol=1e-6)


def test_the_transform_of_faiss_multiplies_and_adds() -> None:
    matrix, more = np.array([[1, 2], [3, 4], [5, 6]], np.float32), np.array([10, 20, 30], np.float32)
    row = np.array([[1, 1]], np.float32)
    assert affine(matrix).apply(row).tolist() == [[3, 7, 11]]
    assert affine(matrix, more).apply(row).tolist() == [[13, 27, 41]]
