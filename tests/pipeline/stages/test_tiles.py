"""Candidates in one numbered picture: where each one is, and who is shown it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from likebut.pipeline import prompting
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.records.trace import Intent, Query, Trace
from likebut.pipeline.stages.judges import make_judge
from likebut.pipeline.stages.judges.contract import Candidate, Case, Judged
from likebut.pipeline.stages.judges.tiles import GAP, LARGEST, WHOLE, columns, tiled
from tests.pipeline.colours import COLOURS, entries, paint_gallery


def squares(*names: str, size: tuple[int, int] = (300, 300)) -> list[Image.Image]:
    return [Image.new("RGB", size, COLOURS[name]) for name in names]


def test_a_grid_is_about_square_and_never_taller_than_wide() -> None:
    assert [columns(count) for count in (1, 2, 4, 5, 9, 10, 20)] == [1, 2, 2, 3, 3, 4, 5]


def test_tiles_stand_in_reading_order() -> None:
    whole = Image.open(tiled(squares("red", "green", "blue")))
    step = LARGEST + GAP
    assert whole.size == (2 * step + GAP, 2 * step + GAP)
    middle = GAP + LARGEST // 2
    assert whole.getpixel((middle, middle)) == COLOURS["red"]
    assert whole.getpixel((middle + step, middle)) == COLOURS["green"]
    assert whole.getpixel((middle, middle + step)) == COLOURS["blue"]
    assert whole.getpixel((middle + step, middle + step)) == (255, 255, 255)


def test_every_tile_has_its_own_number_on_a_dark_plate() -> None:
    whole = Image.open(tiled(squares("grey", "grey")))
    corners = [
        whole.crop((GAP + n * (LARGEST + GAP), GAP, GAP + n * (LARGEST + GAP) + 40, 50)) for n in (0, 1)
    ]
    assert all(corner.getpixel((0, 0)) == (0, 0, 0) for corner in corners)
    assert corners[0].tobytes() != corners[1].tobytes()


def test_many_pictures_fit_into_one_of_a_size_that_models_take() -> None:
    whole = Image.open(tiled(squares(*["red"] * 20, size=(200, 50))))
    assert max(whole.size) <= WHOLE
    assert whole.width >= whole.height


def test_a_tile_keeps_its_shape() -> None:
    whole = Image.open(tiled(squares("red", size=(300, 100))))
    centre = GAP + LARGEST // 2
    assert whole.getpixel((centre, centre)) == COLOURS["red"]
    assert whole.getpixel((centre, GAP + LARGEST - 2)) == (255, 255, 255)


def test_the_same_pictures_are_the_same_file() -> None:
    assert tiled(squares("red", "blue")) == tiled(squares("red", "blue"))
    assert tiled(squares("red", "blue")) != tiled(squares("blue", "red"))


def judged(tmp_path: Path, reply: str, *candidates: Candidate) -> Judged:
    trace = Trace(Query("q", tmp_path / "g" / "red.png", "make it blue"), intent=Intent("a blue square"))
    seen = candidates[0].picture is not None
    engine = entries(Cache(tmp_path / "c.sqlite"), {"match": ".", "reply": reply})
    prompt = prompting.load("judge/grid-seen" if seen else "judge/list")
    (found,) = make_judge("grid")([Case(trace, candidates)], prompt, engine)
    return found


def order(found: Judged) -> list[int]:
    return sorted(found.confidence, key=lambda row: -found.confidence[row])


def test_a_judge_that_sees_is_shown_the_reference_and_one_grid(tmp_path: Path) -> None:
    gallery = paint_gallery(tmp_path / "g")
    shown = [Candidate(row, picture=gallery / f"{name}.png") for row, name in ((7, "grey"), (8, "blue"))]
    found = judged(tmp_path, '{"order": [2, 1]}', *shown)
    assert order(found) == [8, 7]
    (exchange,) = found.exchanges
    reference, grid = exchange.messages[-1].images
    assert reference.name == "red.png"
    second = GAP + LARGEST + GAP + LARGEST // 2  # its middle: these pictures have eight pixels a side
    assert Image.open(grid).getpixel((second, GAP + LARGEST // 2)) == COLOURS["blue"]


def test_a_picture_that_cannot_be_read_is_not_drawn_and_has_no_confidence(tmp_path: Path) -> None:
    gallery = paint_gallery(tmp_path / "g")
    (gallery / "torn.png").write_bytes(b"no picture")
    shown = [Candidate(7, picture=gallery / "torn.png"), Candidate(8, picture=gallery / "blue.png")]
    found = judged(tmp_path, '{"order": [1]}', *shown)
    assert found.confidence == {8: 1.0}
    nothing = judged(tmp_path, '{"order": [1]}', shown[0])
    assert nothing == Judged({})  # and nobody was asked


def test_a_judge_that_does_not_see_reads_the_captions(tmp_path: Path) -> None:
    found = judged(tmp_path, '{"order": [2]}', Candidate(7, "a cat"), Candidate(8, "a dog"))
    assert order(found) == [8, 7]
    assert "(1) a cat (2) a dog" in found.exchanges[0].messages[-1].text
    assert found.exchanges[0].messages[-1].images == ()


@pytest.mark.parametrize("sees", [True, False])
def test_the_rerank_stage_makes_the_grid(tmp_path: Path, sees: bool) -> None:
    from tests.pipeline.stages.test_rerank import judged_composer

    composer: Any = judged_composer(tmp_path, {"match": ".", "reply": '{"order": [3]}'}, judge="grid")
    trace = replace(composer, judge_sees=sees).ask(tmp_path / "gallery" / "red.png", "blue", k=3)
    assert trace.ranking.hits[0].before == 3
    (asked,) = [exchange for exchange in trace.exchanges if exchange.stage == "rerank"]
    assert asked.prompt == ("judge/grid-seen" if sees else "judge/list")
    assert len(asked.messages[-1].images) == (2 if sees else 0)
