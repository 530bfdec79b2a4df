"""Exact search over two sides: the sum of both products, ties by row, whatever the blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.indexes.contract import Asked, Found
from likebut.indexes.exact import Exact, scores_of

PICTURES = np.array([[1, 0], [0, 1], [1, 0], [0, 0]], np.float16)
CAPTIONS = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]], np.float16)


def search(
    *sides: tuple[list[Any], Any], k: int, exclude: Any = None, block_rows: int = 9, threads: int = 1
) -> Found:
    return Exact(block_rows, threads).search([Asked(*side) for side in sides], k, exclude)


def test_a_row_scores_the_sum_of_both_sides() -> None:
    rows, scores = search(
        ([PICTURES], np.array([[1.0, 0.25]])), ([CAPTIONS], np.array([[0.0, 2.0, 0.5]])), k=4
    )
    assert rows.tolist() == [[3, 0, 2, 1]]
    assert scores.tolist() == [[2.0, 1.0, 1.0, 0.75]]


def test_excluded_rows_do_not_come_and_missing_ones_are_padded() -> None:
    rows, scores = search(
        ([PICTURES], np.array([[1.0, 0]])), ([CAPTIONS], np.zeros((1, 3))), k=4, exclude=[{0, 3}]
    )
    assert rows.tolist() == [[2, 1, -1, -1]]
    assert scores[0, 2:].tolist() == [float("-inf")] * 2


def test_an_empty_gallery_gives_padding_and_no_query_gives_nothing() -> None:
    empty = np.empty((0, 2), np.float16)
    assert search(([empty], np.ones((1, 2))), ([empty], np.ones((1, 2))), k=2)[0].tolist() == [[-1, -1]]
    assert search(([PICTURES], np.ones((0, 2))), ([PICTURES], np.ones((0, 2))), k=2)[0].shape == (0, 2)


@pytest.mark.parametrize(
    ("pictures", "captions", "exclude", "words"),
    [
        (([PICTURES[:3]], np.ones((1, 2))), ([CAPTIONS], np.ones((1, 3))), None, "differ"),
        (([PICTURES], np.ones((2, 2))), ([CAPTIONS], np.ones((1, 3))), None, "differ"),
        (([PICTURES], np.ones((1, 3))), ([CAPTIONS], np.ones((1, 3))), None, "but a shard"),
        (([PICTURES], np.ones((1, 2))), ([CAPTIONS], np.ones((1, 3))), [], "sets to exclude"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(pictures, captions, exclude, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=words):
        search(pictures, captions, k=1, exclude=exclude)


@settings(max_examples=150)
@given(st.data())
def test_any_blocks_shards_and_threads_rank_as_naive_scoring_does(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), "seed"))
    count, asked = data.draw(st.integers(0, 90), "rows"), data.draw(st.integers(1, 3), "asked")
    k = data.draw(st.integers(1, 12), "k")
    levels = np.array([-0.5, -3e-5, 0, 0, 0.25, 0.5])  # few levels make many ties; rows of zeros
    kind = data.draw(st.sampled_from(["float16", "float32"]), "dtype")
    sides = []
    for width in (data.draw(st.integers(1, 3), "d"), 2):
        vectors = rng.choice(levels, (count, width)).astype(kind)
        cut = data.draw(st.integers(0, count), "cut")  # the shards of the two sides differ
        queries = rng.choice([-1.0, 0.0, 0.3, 1.0], (asked, width)).astype(np.float32)
        sides.append((vectors, [vectors[:cut], vectors[cut:]], queries))
    exclude = [set(rng.integers(0, count, 5).tolist()) if count else set() for _ in range(asked)]
    rows, scores = search(
        sides[0][1:],
        sides[1][1:],
        k=k,
        exclude=exclude,
        block_rows=data.draw(st.integers(1, 70), "block"),
        threads=data.draw(st.integers(1, 3), "threads"),
    )
    naive = sum(q.astype(float) @ v.astype(float).T for v, _, q in sides).astype(np.float32)
    inside = np.arange(0, count, 3)
    said = scores_of([Asked(*side[1:]) for side in sides], 0, inside)
    assert said.tolist() == pytest.approx(naive[0][inside].tolist(), abs=1e-6)
    for line, barred, found, values in zip(naive, exclude, rows, scores, strict=True):
        order = [row for row in np.lexsort((np.arange(count), -line)) if row not in barred][:k]
        assert [row for row in found if row >= 0] == order
        assert values[: len(order)].tolist() == pytest.approx(line[order].tolist(), abs=1e-6)
