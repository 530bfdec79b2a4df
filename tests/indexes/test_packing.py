"""Lists of codes as fast scan reads them: nothing is lost by packing, by the file, or by unpacking."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.indexes.compressed_kinds import KINDS, open_mapped
from likebut.indexes.form import Effort
from likebut.indexes.lists import insert, listed
from likebut.indexes.packing import inner_of, packed, unpacked
from tests.clip_like import ClipLike

faiss = pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

ROWS = 3000
QUERIES = 20


def _grown(wide: int) -> tuple[Any, ClipLike, Any]:
    """An index that rows were added to, their world, and the rows."""
    world = ClipLike(ROWS, wide)
    vectors = world.pictures(ROWS)
    index = KINDS["pq"].make(vectors, ROWS)
    insert(index, vectors)
    return index, world, vectors


def _codes(index: Any) -> dict[int, tuple[int, bytes]]:
    """Place → its list and its code, of lists that are not packed."""
    inner = inner_of(index)
    found = {}
    for number in range(inner.nlist):
        size = inner.invlists.list_size(number)
        if size:
            places = faiss.rev_swig_ptr(inner.invlists.get_ids(number), size)
            codes = faiss.rev_swig_ptr(inner.invlists.get_codes(number), size * inner.code_size)
            for place, code in zip(places, codes.reshape(size, -1), strict=True):
                found[int(place)] = number, code.tobytes()
    return found


@pytest.mark.parametrize("wide", [32, 7], ids=["even", "odd"])
def test_unpacked_again_every_row_has_its_list_and_its_code(wide: int) -> None:
    index, *_ = _grown(wide)
    before = _codes(index)
    assert sorted(before) == list(range(ROWS))
    again = unpacked(packed(index))
    assert again.ntotal == ROWS
    assert _codes(again) == before


def test_a_mapped_file_names_what_the_index_in_memory_names(tmp_path: Path) -> None:
    index, world, _ = _grown(32)
    scan, queries = packed(index), world.composed(QUERIES)
    faiss.write_index(scan, str(tmp_path / "lists.faiss"))
    opened = open_mapped(str(tmp_path / "lists.faiss"))
    lists = faiss.downcast_InvertedLists(inner_of(opened).invlists)
    assert isinstance(lists, faiss.OnDiskInvertedLists)
    np.testing.assert_array_equal(
        listed(opened, Effort(20, 50), queries, 50, {}), listed(scan, Effort(20, 50), queries, 50, {})
    )


def test_what_fills_up_blocks_is_never_named() -> None:
    index, world, _ = _grown(32)
    scan = packed(index)
    lists = inner_of(scan).invlists
    sizes = [lists.list_size(number) for number in range(inner_of(scan).nlist)]
    assert sum(sizes) > ROWS
    assert {size % 32 for size in sizes} == {0}
    for places in listed(scan, Effort(len(sizes), ROWS), world.composed(QUERIES), ROWS, {}):
        assert sorted(places.tolist()) == list(range(ROWS))
    bits = np.packbits(np.arange(ROWS) % 3 == 0, bitorder="little")
    given = {"sel": faiss.IDSelectorBitmap(bits)}
    for places in listed(scan, Effort(len(sizes), ROWS), world.composed(QUERIES), ROWS, given):
        assert sorted(places[places >= 0].tolist()) == list(range(0, ROWS, 3))


def test_few_of_the_rows_that_score_best_are_missed_by_their_codes() -> None:
    index, world, vectors = _grown(32)
    scan, queries = packed(index), world.composed(QUERIES)
    best = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    named = listed(scan, Effort(inner_of(scan).nlist, 50), queries, 50, {})
    assert np.mean([np.isin(row, found).mean() for row, found in zip(best, named, strict=True)]) > 0.95


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_other_kinds_are_as_they_were(kind: str) -> None:
    index = KINDS[kind].make(ClipLike(ROWS, 16).pictures(ROWS), ROWS)
    assert packed(index) is index
    assert unpacked(index) is index
