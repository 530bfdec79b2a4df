"""How far a compressed form must look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from likebut.indexes.compressed_kinds import KINDS
from likebut.indexes.lists import insert
from likebut.indexes.measuring import REACHES, choose, truth
from likebut.indexes.packing import packed
from likebut.indexes.probes import probes
from tests.clip_like import ClipLike
from tests.indexes.galleries import put

pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")


def test_an_effort_is_enough_where_recall_is_after_a_standard_error_is_taken_away(tmp_path: Path) -> None:
    rows = ClipLike(2000, 32).pictures(2000)
    vectors = put(tmp_path, rows)
    grown = KINDS["pq"].make(rows, 2000)
    insert(grown, rows)
    index = packed(grown)
    right = truth(vectors, probes(vectors, None, 32))
    choice = choose(index, "pq", vectors, right, 0.8)
    assert choice.recall > choice.sure >= 0.8
    assert choice.recall - choice.sure < 0.1  # a standard error of 32 shares, each between 0 and 1
    everything = choose(index, "pq", vectors, right, 1.0)
    assert everything.recall >= choice.recall


def test_reaches_grow_by_no_more_than_a_half() -> None:
    assert REACHES[:5] == [8, 12, 16, 24, 32]
    assert np.max(np.divide(REACHES[1:], REACHES[:-1])) == 1.5
