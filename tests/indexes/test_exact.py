"""Exact search: the k best rows by inner product, ties by row, whatever the kernel."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.indexes import candidates, exact, kernels
from likebut.indexes.exact import best_of, search

SQUARE = np.array([[1, 0], [0, 1], [1, 0], [-1, 0], [0.5, 0.5]], np.float32)


def naive(vectors, queries, k, exclude):
    """Every product in float64, rounded, sorted by (-score, row)."""
    scores = (queries.astype(np.float64) @ vectors.astype(np.float64).T).astype(np.float32)
    lists = []
    for line, barred in zip(scores, exclude, strict=True):
        order = [row for row in np.lexsort((np.arange(len(line)), -line)) if row not in barred]
        lists.append([*order, *[-1] * k][:k])
    return np.array(lists).reshape(len(queries), k)


def test_the_best_rows_come_first_and_equal_rows_in_row_order():
    rows, scores = search(SQUARE, np.array([[1, 0]]), 4)
    assert rows.tolist() == [[0, 2, 4, 1]]
    assert scores.tolist() == [[1.0, 1.0, 0.5, 0.0]]


def test_excluded_rows_do_not_come_and_missing_ones_are_padded():
    rows, scores = search(SQUARE.astype(np.float16), np.array([1, 0]), 4, exclude=[{0, 4}])
    assert rows.tolist() == [[2, 1, 3, -1]]
    assert scores.tolist() == [[1.0, 0.0, -1.0, float("-inf")]]


def test_an_empty_gallery_gives_padding_and_no_query_gives_nothing():
    rows, _ = search([], np.ones((1, 2)), 2)
    assert rows.tolist() == [[-1, -1]]
    assert search(SQUARE, np.empty((0, 2)), 3)[0].shape == (0, 3)
    assert search(SQUARE, np.ones((2, 2)), 0)[1].shape == (2, 0)


def test_a_zero_query_finds_the_first_rows():
    assert search(SQUARE.astype(np.float16), np.zeros((1, 2)), 3)[0].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("vectors", "queries", "k", "exclude", "words"),
    [
        (SQUARE, np.ones((1, 3)), 1, None, "a shard is"),
        (SQUARE.astype(np.float64), np.ones((1, 2)), 1, None, "float16 or float32"),
        (SQUARE, np.ones((1, 2)), -1, None, "negative"),
        (SQUARE, np.ones((2, 2)), 1, [set()], "sets to exclude"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(vectors, queries, k, exclude, words):
    with pytest.raises(ValueError, match=words):
        search(vectors, queries, k, exclude=exclude)


@settings(max_examples=80)
@given(data=st.data())
def test_search_equals_sorting_every_product(data):
    count = data.draw(st.integers(0, 60), "rows")
    width = data.draw(st.integers(1, 9), "dimension")
    asked = data.draw(st.integers(1, 7), "queries")
    k = data.draw(st.integers(1, 12), "k")
    rng = np.random.default_rng(data.draw(st.integers(0, 999), "seed"))
    # few levels make many ties; 3e-5 is a subnormal half
    levels = np.array([-0.5, -3e-5, 0, 0.25, 0.5])
    vectors = rng.choice(levels, (count, width)).astype(
        data.draw(st.sampled_from(["float16", "float32"]), "dtype")
    )
    queries = rng.choice([-1.0, 0.3, 1.0], (asked, width)).astype(np.float32)
    exclude = [set(rng.integers(0, count + 1, 5).tolist()) & set(range(count)) for _ in queries]
    cut = data.draw(st.integers(0, count), "cut")
    rows, _ = search(
        [vectors[:cut], vectors[cut:]],
        queries,
        k,
        exclude=exclude,
        block_rows=data.draw(st.integers(1, 70), "block"),
        threads=data.draw(st.integers(1, 3), "threads"),
    )
    assert np.array_equal(rows, naive(vectors, queries, k, exclude))


@pytest.fixture(scope="module")
def large():
    """60,000 unit rows: enough for faiss; row 59,999 repeats row 7."""
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((60_000, 16))
    rows[59_999] = rows[7]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def test_a_large_gallery_gives_the_same_rows_through_faiss(large, monkeypatch):
    used = []
    view = kernels.view_of
    monkeypatch.setattr(kernels, "view_of", lambda rows: used.append(len(rows)) or view(rows))
    queries = large[[7, 100]].astype(np.float32)
    exclude = [set(), {100}]
    rows, scores = search([large[:40_000], large[40_000:]], queries, 5, exclude=exclude)
    assert sum(used) == 60_000
    assert rows[0, :2].tolist() == [7, 59_999]
    assert np.array_equal(rows, naive(large, queries, 5, exclude))
    monkeypatch.setattr(exact, "FAISS_FROM_ROWS", 10**9)
    monkeypatch.setattr(exact, "imported", lambda: False)
    again, same = search(large, queries, 5, exclude=exclude, threads=1)
    assert np.array_equal(rows, again)
    assert np.array_equal(scores, same)


def test_many_queries_over_float32_rows_give_the_same_rows_through_faiss(large, monkeypatch):
    rows, queries = large.astype(np.float32), large[:40].astype(np.float32)
    exclude = [{i} for i in range(40)]
    used = []
    nearest = kernels.FlatScan._nearest
    monkeypatch.setattr(kernels.FlatScan, "_nearest", lambda *a: used.append(len(a[1])) or nearest(*a))
    found, scores = search([rows[:25_000], rows[25_000:]], queries, 5, exclude=exclude)
    assert used == [25_000, 35_000]
    assert np.array_equal(found, naive(rows, queries, 5, exclude))
    monkeypatch.setattr(exact, "FAISS_FROM_ROWS", 10**9)
    monkeypatch.setattr(exact, "imported", lambda: False)
    again, same = search(rows, queries, 5, exclude=exclude)
    assert np.array_equal(found, again)
    assert np.array_equal(scores, same)


def test_where_faiss_is_imported_a_small_gallery_goes_through_it_too(large, monkeypatch):
    used = []
    view = kernels.view_of
    monkeypatch.setattr(kernels, "view_of", lambda rows: used.append(len(rows)) or view(rows))
    exact.make_ready()
    rows, scores = search(large[:20_000], large[[7]].astype(np.float32), 5)
    assert used == [20_000]
    monkeypatch.setattr(exact, "imported", lambda: False)
    again, same = search(large[:20_000], large[[7]].astype(np.float32), 5)
    assert used == [20_000]
    assert np.array_equal(rows, again)
    assert np.array_equal(scores, same)


def test_more_equal_rows_than_faiss_was_asked_for_still_come_in_row_order(large):
    equal = np.repeat(large[:1], 60_000, axis=0)
    assert search(equal, large[:1], 4)[0].tolist() == [[0, 1, 2, 3]]


def test_a_k_near_the_gallerys_size_is_served_without_faiss(large):
    rows, _ = search(large, large[:1], 20_000, threads=2)
    assert np.array_equal(rows, naive(large, large[:1], 20_000, [set()]))


def test_a_faiss_that_cannot_read_memory_of_others_gives_way_to_numpy(large, monkeypatch):
    """As before 1.11; what is missing there is missing here."""
    faiss = pytest.importorskip("faiss")
    monkeypatch.delattr(faiss, "MaybeOwnedVectorUInt8")
    rows, _ = search(large, large[[7]].astype(np.float32), 5)
    assert rows[0, :2].tolist() == [7, 59_999]
    assert np.array_equal(rows, naive(large, large[[7]].astype(np.float32), 5, [set()]))


def test_a_processor_without_instructions_for_halves_gives_the_same_rows():
    """faiss chooses its code when it is loaded; "generic" is the one for every processor."""
    code = (
        "import numpy as np; from likebut.indexes.exact import search; rng = np.random.default_rng(0);"
        "rows = rng.standard_normal((60_000, 8)).astype(np.float16);"
        "query = rows[[7]].astype(np.float32); found, _ = search(rows, query, 3);"
        "scores = rows.astype(np.float64) @ query[0];"
        "assert found[0].tolist() == np.argsort(-scores, kind='stable')[:3].tolist(), found"
    )
    environ = {**os.environ, "FAISS_OPT_LEVEL": "generic"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_without_faiss_numpy_serves(large, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(kernels, "import_module", missing)
    assert search(large, large[7:8], 2)[0].tolist() == [[7, 59_999]]


@given(st.lists(st.integers(0, 30), max_size=20), st.sets(st.integers(0, 30), max_size=20))
def test_what_is_within_ascending_rows_is_told_as_by_looking_at_each(places, rows):
    found = candidates.within(np.array(places, np.int64), np.array(sorted(rows), np.int64))
    assert found.tolist() == [place in rows for place in places]


def test_a_pool_drops_only_what_k_others_beat_by_more_than_the_slack():
    pool = candidates.Contenders(2, 0.1)
    pool.offer(10, np.array([0.9, 0.1, 0.8, 0.75, 0.0, 0.3], np.float32))
    pool.offer(20, np.array([0.5, 0.72], np.float32))
    assert pool.rows().tolist() == [10, 12, 13, 21]


def test_the_best_of_a_few_or_many_rows_are_the_same_and_equal_ones_come_by_row() -> None:
    scores = np.tile([0.5, 1.0, 0.5, 1.0, 0.25], 20)
    rows = np.arange(100)
    assert best_of(rows[:5], scores[:5], 9)[0].tolist() == [1, 3, 0, 2, 4]
    assert best_of(rows, scores, 3)[0].tolist() == [1, 3, 6]
    assert best_of(rows, scores, 60)[0].tolist()[38:43] == [96, 98, 0, 2, 5]
    assert best_of(rows, scores, 0)[0].tolist() == []
