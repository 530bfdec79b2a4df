"""Rows of shards: which are taken, and how halves become float32."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from likebut.indexes.shards import WIDENED_ROWS, take_rows, widened

HALVES = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


@given(
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(sum),
    picked=st.lists(st.floats(0, 0.999), max_size=12),
)
def test_rows_come_in_the_order_they_are_named_whatever_shard_they_lie_in(
    lengths: list[int], picked: list[float]
) -> None:
    whole = np.arange(3 * sum(lengths), dtype=np.float16).reshape(-1, 3)
    rows = np.array([int(share * len(whole)) for share in picked], np.int64)
    shards = np.split(whole, np.cumsum(lengths)[:-1])
    np.testing.assert_array_equal(take_rows(shards, rows), whole[rows])


def test_every_finite_half_is_widened_exactly() -> None:
    finite = HALVES[np.isfinite(HALVES)].reshape(-1, 16)
    assert len(finite) > WIDENED_ROWS  # several times round
    np.testing.assert_array_equal(widened(finite).view(np.int32), finite.astype(np.float32).view(np.int32))


def test_rows_of_float32_stay_as_they_are() -> None:
    rows = np.ones((2, 3), np.float32)
    assert widened(rows) is rows


def test_rows_that_lie_apart_are_widened_too() -> None:
    rows = np.arange(12, dtype=np.float16).reshape(3, 4)[:, ::2]
    np.testing.assert_array_equal(widened(rows), [[0, 2], [4, 6], [8, 10]])
