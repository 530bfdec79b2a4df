"""Parts of pictures in words, worked by hand."""

from __future__ import annotations

import pytest

from likebut.indexes.contract import Box
from likebut.pipeline.records.trace import Hit
from likebut.pipeline.report.places import spot, strongest


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Box(0, 0, 0.5, 0.5), "top left"),
        (Box(0.5, 0.5, 1, 1), "bottom right"),
        (Box(0.25, 0.25, 0.75, 0.75), "centre"),
        (Box(0, 0.4, 0.2, 0.6), "left"),
        (Box(0.4, 0, 0.6, 0.2), "top"),
        (Box(0.9, 0.9, 1, 1), "bottom right"),
    ],
)
def test_a_part_is_named_by_the_ninth_that_its_middle_lies_in(box: Box, words: str) -> None:
    assert spot(box) == words


def test_the_largest_shares_come_first_and_what_took_away_is_left_out() -> None:
    box = Box(0, 0, 1, 1)
    shares = {"a": 0.1, "b": 0.3, "c": -0.2, "d": 0.2, "e": 0.05}
    hit = Hit(1, 0, "x", "x", 0.4, shares, boxes=dict.fromkeys("abcde", box))
    assert list(strongest(hit)) == ["b", "d", "a"]


def test_a_hit_without_regions_has_none() -> None:
    assert strongest(Hit(1, 0, "x", "x", 0.4, {"a": 1.0})) == {}
