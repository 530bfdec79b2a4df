"""Parts of a batch side by side: the same results, and torch as it was elsewhere."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch

from likebut.pipeline.encoders import make_encoder
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.machine.lanes import side_by_side


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


@pytest.mark.parametrize("regions", [False, True])
def test_a_batch_in_lanes_has_the_vectors_of_a_batch_in_one_piece(
    regions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder: Any = make_encoder(EncoderSpec("open_clip", "pocket:clip", None, "cpu", "float32", 64))
    side = encoder.image_size
    noise = np.random.default_rng(0).integers(0, 256, (21, 4, side, side, 3), np.uint8)
    encode = encoder.encode_regions if regions else lambda batch: encoder.encode_prepared(batch[:, 0])
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    in_lanes = encode(noise)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    np.testing.assert_allclose(in_lanes, encode(noise), atol=1e-5)
