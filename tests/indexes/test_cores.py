"""Parts of a batch side by side: the same results, and torch as it was elsewhere."""

from __future__ import annotations

import threading

import pytest
import torch

from likebut.indexes.cores import side_by_side


def test_each_lane_has_one_core_and_results_keep_their_order() -> None:
    before = torch.get_num_threads()
    together = threading.Barrier(3, timeout=30)

    def work(number: int) -> tuple[int, int]:
        together.wait()  # ends only where all three run at once
        return number, torch.get_num_threads()

    assert side_by_side(work, [5, 6, 7], 3) == [(5, 1), (6, 1), (7, 1)]
    assert torch.get_num_threads() == before
    seen: list[int] = []
    other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    other.start()
    other.join()
    assert seen == [before]


def test_an_error_in_a_lane_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda number: 1 // number, [1, 0], 2)
