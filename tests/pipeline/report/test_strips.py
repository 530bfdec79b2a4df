"""Hits as rows of small pictures in a terminal."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from likebut.pipeline.records.trace import Hit
from likebut.pipeline.report.strips import BESIDE, GAP, SIDE, strips


def hits(folder: Path, names: list[str]) -> list[Hit]:
    return [Hit(n, n, name, str(folder / name), 0.5) for n, name in enumerate(names, 1)]


@pytest.fixture
def seven(drawn: Path) -> list[Hit]:
    return hits(drawn, [f"scene-{number:05d}.png" for number in range(7)])


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_half_blocks_stand_five_in_a_row_above_their_ranks(seven: list[Hit], columns: int) -> None:
    first, second = strips(seven, "blocks", columns=columns)
    widths = {line.count("▀") for line in first.drawn.decode().splitlines()}
    assert len(widths) == 1
    assert max(widths) <= min(columns, 100)
    assert first.below.split() == ["1", "2", "3", "4", "5"]
    assert second.below.split() == ["6", "7"]
    step = (max(widths) + 1) // BESIDE
    assert [first.below[n * step] for n in range(5)] == ["1", "2", "3", "4", "5"]


def test_terminals_with_pixels_get_one_picture_a_row(seven: list[Hit]) -> None:
    first, second = strips(seven, "iterm2", columns=80)
    sizes = [
        Image.open(io.BytesIO(base64.b64decode(strip.drawn.split(b":", 1)[1].rstrip(b"\a")))).size
        for strip in (first, second)
    ]
    assert sizes == [(5 * SIDE + 4 * GAP, 128), (2 * SIDE + GAP, 128)]
    assert (first.below, second.below) == ("", "")
    assert all(strip.drawn.startswith(b"\x1b_G") for strip in strips(seven, "kitty", columns=80))
    assert all(strip.drawn.startswith(b"\x1bPq") for strip in strips(seven, "sixel", columns=80))


def test_a_picture_that_is_gone_leaves_its_place_empty_and_is_told(drawn: Path) -> None:
    found = hits(drawn, ["scene-00000.png", "gone.png"])
    (strip,) = strips(found, "blocks", columns=80)
    assert [problem[:3] for problem in strip.problems] == ["2. "]
    assert "gone.png" in strip.problems[0]
    assert strip.below.split() == ["1", "2"]
    (alone,) = strips(found[1:], "kitty", columns=80)
    assert alone.problems


def test_hits_without_pictures_are_no_strip() -> None:
    assert list(strips([Hit(1, 0, "a caption", "", 1.0)], "blocks", columns=80)) == []
