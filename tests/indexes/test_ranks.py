"""Which lists a query looks into: by their centres, and by codes of them where they are many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from likebut.indexes.compressed_kinds import KINDS
from likebut.indexes.packing import turn_of
from likebut.indexes.ranks import CODED, MORE, Ranking, coded
from tests.clip_like import ClipLike

faiss = pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

LISTS, REACH, SPREAD = 2048, 32, 0.2
WORLD = ClipLike(20_000, 64)
QUERIES = WORLD.composed(50)


@pytest.fixture(scope="module")
def index() -> Any:
    return KINDS["pq"].make(WORLD.pictures(20_000), 200_000)


@pytest.fixture(scope="module")
def codes(index: Any) -> Any:
    return coded(index)


@pytest.fixture(scope="module")
def asked(index: Any) -> Any:
    return turn_of(index).apply(np.ascontiguousarray(QUERIES))


def test_codes_name_nearly_all_the_lists_that_centres_do(index: Any, codes: Any, asked: Any) -> None:
    lists, _ = Ranking(index).best(asked, REACH, SPREAD)
    quick, _ = Ranking(index, codes).best(asked, REACH, SPREAD)
    assert lists.shape == quick.shape == (50, REACH)
    held = [np.isin(all_of_them, some).mean() for all_of_them, some in zip(lists, quick, strict=True)]
    assert np.mean(held) > 0.93


def test_without_ranking_twice_as_many_fewer_would_be_found(
    index: Any, codes: Any, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists, _ = Ranking(index).best(asked, REACH, SPREAD)

    def held() -> float:
        quick, _ = Ranking(index, codes).best(asked, REACH, SPREAD)
        return float(np.mean([np.isin(a, b).mean() for a, b in zip(lists, quick, strict=True)]))

    many = held()
    monkeypatch.setattr("likebut.indexes.ranks.MORE", 1)
    assert MORE > 1
    assert many > held()


def test_products_are_those_with_the_centres_themselves(index: Any, codes: Any, asked: Any) -> None:
    centres = Ranking(index).centres
    for ranking, wide in ((Ranking(index), 1e-3), (Ranking(index, codes), 1e-6)):  # the first reads halves
        lists, products = ranking.best(asked, REACH, SPREAD)
        right = np.einsum("qd,qnd->qn", asked, centres[lists])
        assert np.allclose(products, right, atol=wide)


def test_a_query_alone_looks_where_it_does_among_others(index: Any, codes: Any, asked: Any) -> None:
    ranking = Ranking(index, codes)
    together, _ = ranking.best(asked, REACH, SPREAD)
    for query in range(50):
        alone, _ = ranking.best(asked[[query]], REACH, SPREAD)
        assert set(alone[0].tolist()) == set(together[query].tolist())


@pytest.mark.parametrize("count", [LISTS, LISTS // 2 + 1])
def test_as_many_lists_are_named_as_are_asked_for(index: Any, codes: Any, asked: Any, count: int) -> None:
    for ranking in (Ranking(index), Ranking(index, codes)):
        lists, _ = ranking.best(asked[:3], count, SPREAD)
        assert [len(np.unique(one)) for one in lists] == [count] * 3
        assert lists.min() >= 0


def test_a_query_of_any_length_looks_into_the_same_lists(index: Any, codes: Any, asked: Any) -> None:
    for ranking in (Ranking(index), Ranking(index, codes)):
        lists, products = ranking.best(asked, REACH, SPREAD)
        short, less = ranking.best(asked / 16, REACH, SPREAD)
        assert [set(one) for one in lists.tolist()] == [set(one) for one in short.tolist()]
        assert np.allclose(np.sort(products), 16 * np.sort(less), atol=1e-3)


def test_centres_that_codes_cannot_tell_apart_are_all_named() -> None:
    rows = np.eye(64, dtype=np.float32)[[0] * 3000 + [1] * 3000]
    alike = KINDS["pq"].make(rows, 200_000)
    ranking = Ranking(alike, coded(alike))
    asked = turn_of(alike).apply(np.ascontiguousarray(np.eye(64, dtype=np.float32)[:2]))
    for count in (8, LISTS):
        lists, products = ranking.best(asked, count, SPREAD)
        assert [len(np.unique(one)) for one in lists] == [count] * 2
        assert lists.min() >= 0
        assert products.max(axis=1) == pytest.approx([1, 1], abs=1e-3)


def test_few_lists_have_no_codes() -> None:
    few = KINDS["pq"].make(WORLD.pictures(3000), 3000)
    assert coded(few) is None
    assert KINDS["pq"].make(WORLD.pictures(3000), 3000).index is not None
    assert coded(KINDS["hnsw"].make(WORLD.pictures(100), 100)) is None
    assert LISTS >= CODED
