"""Which lists of an IVF index a row goes into, and which of them a query looks into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from likebut.indexes import compressed_kinds
from likebut.indexes import lists as module
from likebut.indexes.compressed_kinds import KINDS, lists_of
from likebut.indexes.lists import SPREAD, Ranking, insert, listed
from likebut.indexes.packing import inner_of, packed, turn_of
from tests.clip_like import ClipLike

faiss = pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

ROWS, WIDE = 3000, 32
WORLD = ClipLike(ROWS, WIDE)
VECTORS = WORLD.pictures(ROWS)
QUERIES = WORLD.composed(50)


@pytest.fixture(scope="module", params=["pq", "ivf"])
def index(request: pytest.FixtureRequest) -> Any:
    made = KINDS[request.param].make(VECTORS[:2000], ROWS)
    insert(made, VECTORS[:1000])
    insert(made, VECTORS[1000:])
    return packed(made)


def _members(index: Any) -> list[np.ndarray[Any, Any]]:
    """The places in each list."""
    inner = inner_of(index)
    lists = faiss.downcast_InvertedLists(inner.invlists)
    every = [faiss.rev_swig_ptr(lists.get_ids(n), lists.list_size(n)).copy() for n in range(inner.nlist)]
    return [places[places >= 0] for places in every]


def _centres(index: Any) -> Any:
    inner = inner_of(index)
    turned = faiss.downcast_index(inner.quantizer).reconstruct_n(0, inner.nlist)
    matrix = faiss.downcast_VectorTransform(faiss.downcast_index(index).chain.at(0)).A
    return turned @ faiss.vector_to_array(matrix).reshape(WIDE, WIDE)  # turned back


def test_every_row_is_in_one_list_that_of_its_nearest_centre(index: Any) -> None:
    members = _members(index)
    assert index.ntotal == ROWS
    assert sorted(np.concatenate(members).tolist()) == list(range(ROWS))
    far = ((VECTORS[:, None] - _centres(index)[None]) ** 2).sum(axis=2)
    owner = np.empty(ROWS, int)
    for number, places in enumerate(members):
        owner[places] = number
    assert np.mean(owner == far.argmin(axis=1)) > 0.95  # but for rounding


def test_all_lists_name_every_row(index: Any) -> None:
    found = listed(index, 4096, QUERIES[:3], ROWS, {})
    assert [sorted(places.tolist()) for places in found] == [list(range(ROWS))] * 3


def test_lists_are_ranked_by_their_centre_and_how_far_its_rows_lie_from_it(index: Any) -> None:
    centres, members = _centres(index), _members(index)
    apart = np.sqrt(1 - (centres**2).sum(axis=1))
    ranked = np.argsort(-(QUERIES @ centres.T + SPREAD * apart), axis=1)
    for query, order in enumerate(ranked[:10]):
        places = listed(index, 3, QUERIES[[query]], ROWS, {})[0]
        inside = np.concatenate([members[n] for n in order[:3]])
        assert sorted(places[places >= 0].tolist()) == sorted(inside.tolist())


def test_few_lists_hold_more_of_the_best_than_by_the_products_of_centres_alone(index: Any) -> None:
    best = np.argsort(-(QUERIES @ VECTORS.T), axis=1)[:, :10]
    inner = inner_of(index)
    inner.nprobe = 16
    plain = index.search(QUERIES, 200)[1]
    ours = listed(index, 16, QUERIES, 200, {})
    held = [
        np.mean([np.isin(row, found).mean() for row, found in zip(best, places, strict=True)])
        for places in (ours, plain)
    ]
    assert held[0] > held[1]


def test_a_list_holds_few_rows_however_many_there_are() -> None:
    rows = (1_000, 50_000, 1_000_000, 3_000_000, 10_000_000)
    assert [lists_of(count) for count in rows] == [128, 1024, 8192, 16_384, 65_536]


def test_of_many_centres_a_query_looks_at_the_blocks_that_hold_nearly_all_of_the_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = KINDS["pq"].make(WORLD.pictures(20_000), 200_000)  # 2,048 lists
    asked = np.ascontiguousarray(turn_of(made).apply(QUERIES))
    lists, nearness = Ranking(made).best(asked, 32)
    monkeypatch.setattr(module, "BLOCKED", 2048)
    ranking = Ranking(made)
    assert ranking.halves.nlist == 128
    quick, near = ranking.best(asked, 32)
    held = [np.isin(all_of_them, some).mean() for all_of_them, some in zip(lists, quick, strict=True)]
    assert np.mean(held) > 0.93
    products = {(n, at): value for n in range(50) for at, value in zip(lists[n], nearness[n], strict=True)}
    for n in range(50):
        for at, value in zip(quick[n], near[n], strict=True):
            assert products.get((n, at), value) == pytest.approx(value, abs=1e-6)


def test_queries_together_look_where_each_alone_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCKED", 2048)
    made = KINDS["pq"].make(WORLD.pictures(20_000), 200_000)
    ranking = Ranking(made)
    asked = np.ascontiguousarray(turn_of(made).apply(WORLD.composed(300)))
    together, near = ranking.best(asked, 32)
    for query in range(300):
        alone, products = ranking.best(asked[[query]], 32)
        assert len(np.setxor1d(together[query], alone[0])) <= 2  # but for rounding to halves
        known = dict(zip(together[query], near[query], strict=True))
        for number, product in zip(alone[0], products[0], strict=True):
            assert known.get(number, product) == pytest.approx(product, abs=2e-3)


def test_centres_in_no_order_are_all_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCKED", 2048)
    monkeypatch.setattr(compressed_kinds, "in_blocks", lambda centres, block: centres)
    ranking = Ranking(KINDS["pq"].make(WORLD.pictures(20_000), 200_000))
    assert not len(ranking.means)
    assert not hasattr(ranking.halves, "nlist")


def test_as_many_lists_are_named_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCKED", 256)
    made = KINDS["pq"].make(VECTORS, ROWS)
    count = inner_of(made).nlist
    lists, _ = Ranking(made).best(np.ascontiguousarray(turn_of(made).apply(QUERIES)), count)
    assert [sorted(one.tolist()) for one in lists] == [list(range(count))] * len(QUERIES)
