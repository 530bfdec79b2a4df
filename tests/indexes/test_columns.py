"""Places of a value in a column, by its buffers, are those that a comparison one by one finds."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.indexes.columns import places

# Few letters, so that values meet; of one and of several bytes each.
NAMES = st.one_of(st.none(), st.text("ab\0é雪", max_size=5))
HASHES = st.one_of(st.none(), st.binary(min_size=2, max_size=2))


def cut(column: pa.ChunkedArray, at: int) -> pa.ChunkedArray:
    """The column in slices, whose buffers begin before their values."""
    return pa.chunked_array([*column.slice(0, at).chunks, *column.slice(at).chunks], column.type)


@given(st.lists(NAMES, max_size=30), st.text("ab\0é雪", max_size=5), st.integers(0, 30))
def test_of_texts(names: list[str | None], asked: str, at: int) -> None:
    column = cut(pa.chunked_array([pa.array(names, pa.string())]), at)
    for value in {asked, *filter(None, names)}:
        assert places(column, value) == [n for n, name in enumerate(names) if name == value]


@given(st.lists(HASHES, max_size=30), st.binary(max_size=3), st.integers(0, 30))
def test_of_hashes(hashes: list[bytes | None], asked: bytes, at: int) -> None:
    column = cut(pa.chunked_array([pa.array(hashes, pa.binary(2))]), at)
    for value in {asked, *filter(None, hashes)}:
        assert places(column, value) == [n for n, one in enumerate(hashes) if one == value]


@pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.binary(2)])
def test_an_empty_column_holds_nothing(kind: pa.DataType) -> None:
    value = "a" if kind == pa.string() else b"aa"
    assert places(pa.chunked_array([pa.array([], kind)]), value) == []
    assert places(pa.chunked_array([], kind), value) == []


def test_a_name_that_is_no_utf8_is_in_no_column() -> None:
    assert places(pa.chunked_array([pa.array(["a"])]), "\udcff") == []
