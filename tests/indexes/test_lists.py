"""Which lists of an IVF index a row goes into, and which of them a query looks into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from likebut.indexes.compressed_kinds import KINDS, lists_of
from likebut.indexes.form import Effort
from likebut.indexes.lists import insert, listed
from likebut.indexes.packing import inner_of, packed
from tests.clip_like import ClipLike

faiss = pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

ROWS, WIDE, SPREAD = 3000, 32, 0.2
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
    found = listed(index, Effort(4096, ROWS), QUERIES[:3], ROWS, {})
    assert [sorted(places.tolist()) for places in found] == [list(range(ROWS))] * 3


def test_lists_are_ranked_by_their_centre_and_how_far_its_rows_lie_from_it(index: Any) -> None:
    centres, members = _centres(index), _members(index)
    apart = np.sqrt(np.maximum(0, 1 - (centres**2).sum(axis=1)))
    ranked = np.argsort(-(QUERIES @ centres.T + SPREAD * apart), axis=1)
    for query, order in enumerate(ranked[:10]):
        places = listed(index, Effort(3, ROWS, SPREAD), QUERIES[[query]], ROWS, {})[0]
        inside = np.concatenate([members[n] for n in order[:3]])
        assert sorted(places[places >= 0].tolist()) == sorted(inside.tolist())


def test_few_lists_hold_more_of_the_best_than_by_the_products_of_centres_alone(index: Any) -> None:
    best = np.argsort(-(QUERIES @ VECTORS.T), axis=1)[:, :10]
    inner = inner_of(index)
    inner.nprobe = 16
    plain = index.search(QUERIES, 200)[1]
    ours = listed(index, Effort(16, 200), QUERIES, 200, {})
    held = [
        np.mean([np.isin(row, found).mean() for row, found in zip(best, places, strict=True)])
        for places in (ours, plain)
    ]
    assert held[0] > held[1]


def test_a_list_holds_few_rows_however_many_there_are() -> None:
    rows = (1_000, 50_000, 1_000_000, 3_000_000, 10_000_000)
    assert [lists_of(count) for count in rows] == [128, 1024, 8192, 16_384, 65_536]
