"""How far a compressed form must look."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from likebut.indexes import measuring
from likebut.indexes.compressed_kinds import KINDS
from likebut.indexes.form import Effort
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


def test_the_standard_error_is_that_of_the_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    # rows: 10 and 8 of 10 are found, so 0.9 with an error of 0.1 / √2; sums: 9 and 9, so 0.9 for sure
    found = np.array([[*range(hits), *range(10, 20 - hits)] for hits in (10, 8, 9, 9)])
    monkeypatch.setattr(measuring, "nearest", lambda *_: found)
    right = measuring.Truth(
        np.zeros((4, 2), np.float32),
        ["rows", "rows", "sums", "sums"],
        np.zeros(4, np.float32),
        [np.arange(10)] * 4,
    )
    vectors: Any = SimpleNamespace(count=20)
    measured, sure = measuring._recalls(None, "pq", Effort(8, 50), vectors, right)
    assert [(one.kind, one.queries, one.recall) for one in measured] == [("rows", 2, 0.9), ("sums", 2, 0.9)]
    assert sure == pytest.approx(0.9 - 0.1 / 2**0.5)


def test_reaches_grow_by_no_more_than_a_half() -> None:
    assert REACHES[:5] == [8, 12, 16, 24, 32]
    assert np.max(np.divide(REACHES[1:], REACHES[:-1])) == 1.5
