"""What is on the disk and will be looked at is read at once."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.indexes import ahead
from likebut.indexes.ahead import FIRST, TOUCHED, gather, lists_ahead

of_linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems are not asked")
WIDE = 512
ROWS = 40_000  # of 1 KB


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Stretches that the system was asked for; nothing is asked."""
    stretches: list[tuple[int, int]] = []

    def ask(more: Iterable[tuple[int, int]]) -> None:
        stretches.extend(more)

    monkeypatch.setattr(ahead, "_ask", ask)
    return stretches


def wait(monkeypatch: pytest.MonkeyPatch, pages: Iterable[int]) -> None:
    """Let the system say that so many pages were waited for: first, next, …"""
    monkeypatch.setattr(ahead, "_waited", iter(pages).__next__)


def test_rows_are_asked_for_after_one_of_the_first_was_waited_for(
    monkeypatch: pytest.MonkeyPatch, asked: list[tuple[int, int]]
) -> None:
    shard = np.arange(ROWS, dtype=np.float32)[:, None].repeat(WIDE // 2, 1)
    rows = np.arange(100, 120) * 100
    taken = np.empty((20, WIDE // 2), np.float32)
    wait(monkeypatch, count())
    gather([(shard, rows, np.arange(20)[::-1])], taken)
    assert taken[:, 0].tolist() == rows[::-1].tolist()
    first = shard.ctypes.data
    assert asked == [(first + 1024 * row, 1024) for row in rows[FIRST:].tolist()]


def test_nothing_is_asked_for_where_no_page_was_waited_for(
    monkeypatch: pytest.MonkeyPatch, asked: list[tuple[int, int]]
) -> None:
    shard, rows = np.ones((ROWS, WIDE), np.float16), np.arange(300)
    taken = np.zeros((300, WIDE), np.float16)
    wait(monkeypatch, iter(lambda: 7, None))
    gather([(shard, rows[:100], rows[:100]), (shard, rows[100:], rows[100:])], taken)
    assert taken.all()
    assert not asked


def test_rows_that_lie_near_each_other_are_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: list[tuple[int, int]]
) -> None:
    shard, rows = np.ones((ROWS, WIDE), np.float16), np.arange(0, ROWS, 10)
    taken = np.zeros((len(rows), WIDE), np.float16)
    wait(monkeypatch, count())
    gather([(shard, rows, np.arange(len(rows)))], taken)
    assert taken.all()
    assert not asked


def test_lists_are_asked_for_with_codes_and_places_and_none_and_empty_ones_are_not(
    monkeypatch: pytest.MonkeyPatch, asked: list[tuple[int, int]]
) -> None:
    faiss: Any = pytest.importorskip("faiss")
    lists = faiss.ArrayInvertedLists(20, 3)
    places, codes = np.arange(2), np.zeros(6, np.uint8)
    for number in range(1, 20):
        lists.add_entries(number, 2, faiss.swig_ptr(places), faiss.swig_ptr(codes))
    wait(monkeypatch, [5, 5])
    lists_ahead(lists, np.array([4, -1, 0, 9]))
    assert not asked
    wait(monkeypatch, [5, 6])
    lists_ahead(lists, np.array([-1, 4, 0, 9]))
    want = [(int(lists.get_codes(one)), 6) for one in (4, 9)]
    assert asked == want + [(int(lists.get_ids(one)), 16) for one in (4, 9)]
    assert TOUCHED > 3


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[tuple[Any, int]]:
    """A mapped array of rows of 1 KB, whose pages are on the disk, and its file."""
    path = tmp_path / "rows.npy"
    np.save(path, np.random.default_rng(0).standard_normal((ROWS, WIDE // 2)).astype(np.float32))
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        if _in_memory(file.fileno(), 20_000):
            pytest.skip("here a file stays in memory")
        yield np.asarray(np.lib.format.open_memmap(path, mode="r")), file.fileno()


def _in_memory(file: int, row: int) -> bool:
    """Whether the page in which a row begins is."""
    try:
        return os.preadv(file, [bytearray(8)], 128 + 1024 * row, os.RWF_NOWAIT) > 0
    except BlockingIOError:
        return False
    except OSError:
        pytest.skip("this disk does not say what is in memory")


@of_linux
def test_what_is_asked_for_is_read_and_what_lies_far_from_it_is_not(on_disk: tuple[Any, int]) -> None:
    shard, file = on_disk
    ahead._ask([(shard.ctypes.data + 10_000 * 1024, 1024)])
    until = time.monotonic() + 20
    while not _in_memory(file, 10_000):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not _in_memory(file, 30_000)


@of_linux
def test_a_page_that_was_waited_for_is_counted_once(on_disk: tuple[Any, int]) -> None:
    shard, _ = on_disk
    before = ahead._waited()
    assert np.isfinite(shard[10_000, 0])
    there = ahead._waited()
    assert there > before
    assert np.isfinite(shard[10_000, 1])
    assert ahead._waited() == there
