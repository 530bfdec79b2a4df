"""Rows that were named, scored exactly: of one query or of many, of one side or of two."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from likebut.indexes import rescoring
from likebut.indexes.contract import Asked
from likebut.indexes.exact import best_of, scores_of
from likebut.indexes.rescoring import rescored
from likebut.indexes.store import Index
from tests.indexes.galleries import put, unit

ROWS, WIDE = 500, 24
LOT = np.random.default_rng(3)
QUERIES = unit(LOT.standard_normal((90, WIDE)))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    vectors = unit(LOT.standard_normal((ROWS, WIDE)))
    vectors[ROWS // 2 :: 3] = vectors[7]  # many that are equal
    return put(tmp_path_factory.mktemp("rows"), vectors)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**31),
    most=st.sampled_from([1, 30, ROWS]),
    k=st.integers(1, 20),
    sides=st.integers(1, 2),
    queries=st.integers(0, len(QUERIES)),
)
def test_they_rank_and_score_as_one_by_one(
    index: Index, seed: int, most: int, k: int, sides: int, queries: int
) -> None:
    lot = np.random.default_rng(seed)
    named = [np.flatnonzero(lot.random(ROWS) < lot.integers(0, most + 1) / ROWS) for _ in range(queries)]
    asked = [Asked(index, QUERIES), Asked(index, -0.3 * QUERIES[::-1])][:sides]
    found = rescored(asked, range(queries), named, k)
    assert len(found) == queries
    for query, (rows, (best, scores)) in enumerate(zip(named, found, strict=True)):
        right, values = best_of(rows, scores_of(asked, query, rows), k)
        np.testing.assert_array_equal(best, right)
        np.testing.assert_array_equal(scores, values)


def test_more_rows_than_are_held_at_once_are_scored_too(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [np.arange(ROWS)] * 3
    asked = [Asked(index, QUERIES)]
    right = rescored(asked, range(3), every, 9)
    monkeypatch.setattr(rescoring, "MOST_ROWS", 100)
    for found, known in zip(rescored(asked, range(3), every, 9), right, strict=True):
        np.testing.assert_array_equal(found, known)
