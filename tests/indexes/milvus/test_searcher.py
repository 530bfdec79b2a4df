"""Searching in Milvus gives what the exact search of the local index gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from likebut.indexes.contract import CAPTIONS, PICTURES, Asked
from likebut.indexes.errors import GalleryError
from likebut.indexes.exact import Exact, scores_of
from likebut.indexes.milvus import searcher
from likebut.indexes.milvus.gallery import Remote, open_remote
from likebut.indexes.milvus.push import push
from likebut.indexes.milvus.searcher import Milvus
from likebut.indexes.store import Index
from tests.indexes.milvus.conftest import random_rows, write

COUNT, D = 300, 8


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Remote]]:
    """An index of two sides, in which every third row is a copy, and what was pushed of it."""
    folder = tmp_path_factory.mktemp("search")
    pictures, captions = random_rows(COUNT, D), random_rows(COUNT, D, seed=1)
    pictures[::3], captions[::3] = pictures[0], captions[0]
    index = write(folder / "i.index", pictures, captions=captions)
    push(index, folder / "m.db")
    remote = open_remote(folder / "m.db")
    yield Index.open(index), remote
    remote.server.close()


def found(
    gallery: Any, sides: dict[str, Any], k: int, exclude: Any = None
) -> list[list[tuple[str, float]]]:
    """Ids and scores, by the searcher of the gallery; ``exclude`` are places in the local index."""
    remote = isinstance(gallery, Remote)
    names = [[f"{row:06d}.png" for row in rows] for rows in exclude or ()]
    rows = [[gallery.row_of(name) for name in one] for one in names] if exclude else None
    asked = [Asked(gallery.side(name), queries) for name, queries in sides.items()]
    best = (Milvus() if remote else Exact()).search(asked, k, rows)
    return [
        [(item.id, float(score)) for item, score in zip(gallery.items([r for r in row if r >= 0]), scores)]  # noqa: B905
        for row, scores in zip(best.rows.tolist(), best.scores, strict=True)
    ]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32 - 1),
    names=st.sampled_from([(PICTURES,), (CAPTIONS,), (PICTURES, CAPTIONS)]),
    k=st.integers(0, 40),
    queries=st.integers(1, 3),
    exclude=st.lists(st.integers(0, COUNT - 1), max_size=5),
)
def test_rows_scores_and_ties_are_those_of_the_exact_search(
    pair: tuple[Index, Remote], seed: int, names: tuple[str, ...], k: int, queries: int, exclude: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    sides = {name: rng.standard_normal((queries, D)).astype(np.float32) for name in names}
    barred = [exclude if n else [] for n in range(queries)]
    local, remote = (found(gallery, sides, k, barred) for gallery in pair)
    assert remote == local


def test_equal_rows_at_the_end_of_the_candidates_are_all_looked_at(pair: tuple[Index, Remote]) -> None:
    """A hundred rows are the same; the first ten are those of the lowest ids."""
    local, _ = pair
    query = local.take([0])
    expected = [f"{3 * n:06d}.png" for n in range(10)]
    assert [name for name, _ in found(pair[1], {PICTURES: query}, 10)[0]] == expected


def test_a_query_is_one_search_and_what_it_found_is_known(
    pair: tuple[Index, Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, remote = pair
    asked: list[str] = []
    real = remote.server.ask
    monkeypatch.setattr(
        remote.server, "ask", lambda what, **given: asked.append(what) or real(what, **given)
    )
    query = random_rows(1, D, seed=9)
    best = Milvus().search([Asked(remote, query), Asked(remote.side(CAPTIONS), query)], 10, [[]])
    remote.items(best.rows[0].tolist())
    remote.take(best.rows[0])
    assert asked == ["search"]


def test_more_than_there_is_gives_padding(pair: tuple[Index, Remote]) -> None:
    rows, scores = Milvus().search([Asked(pair[1], random_rows(1, D))], COUNT + 2)
    assert (rows[0] >= 0).sum() == COUNT
    assert rows[0, -2:].tolist() == [-1, -1]
    assert scores[0, -1] == -np.inf


def test_rows_that_are_named_score_the_same(pair: tuple[Index, Remote]) -> None:
    local, remote = pair
    query = random_rows(1, D, seed=5)
    there = [remote.row_of(f"{row:06d}.png") for row in (4, 7, 200)]
    said = scores_of([Asked(remote, query)], 0, np.array(there))
    assert said.tolist() == scores_of([Asked(local, query)], 0, np.array([4, 7, 200])).tolist()


def test_an_answer_that_would_be_too_long_is_asked_for_in_parts(
    pair: tuple[Index, Remote], monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = {PICTURES: random_rows(7, D, seed=6)}
    whole = found(pair[1], queries, 5)
    monkeypatch.setattr(searcher, "BYTES", 2 * 4 * 16 * (5 + searcher.MORE))
    assert found(pair[1], queries, 5) == whole == found(pair[0], queries, 5)


def test_what_cannot_be_asked_is_said(pair: tuple[Index, Remote]) -> None:
    _, remote = pair
    query = random_rows(1, D)
    with pytest.raises(GalleryError, match="at most"):
        Milvus().search([Asked(remote, query)], 20_000)
    with pytest.raises(ValueError, match="sets to exclude"):
        Milvus().search([Asked(remote, query)], 1, [[], []])
    with pytest.raises(GalleryError, match="needs every vector"):
        Exact().search([Asked(remote, query)], 1)
