"""Conditions on files: read strictly, in plain words where they are none, and met by the right rows."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from likebut.indexes.build import build
from likebut.indexes.store import Index
from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.hits.where import read_condition, rows_outside
from tests.pipeline.colours import ColourEncoder, colour_composer, paint_gallery


def meets(text: str, value: Any) -> bool:
    return read_condition(text).holds(value)


def at(*moment: int) -> int:
    return round(datetime(*moment).timestamp() * 1e9)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("path=2024/*", "2024/a.png", True),
        ("path=2024/*", "2024/deep/a.png", True),
        ("path=a.*", "2024/a.png", True),  # by its name alone, too
        ("path != *.png", "a.png", False),
        ("path=[ab].png", "c.png", False),
        ("size>2MB", 2_000_000, False),
        ("size>2MB", 2_000_001, True),
        ("size>=2MB", 2_000_000, True),
        ("size<1KiB", 1023, True),
        ("size<=1KiB", 1024, True),
        ("size=0", 0, True),
        ("size<1.5k", 1499, True),
        ("date=2024", at(2024, 12, 31, 23, 59), True),
        ("date=2024", at(2025, 1, 1), False),
        ("date>2024-12", at(2025, 1, 1), True),
        ("date>=2024-12", at(2024, 12, 1), True),
        ("date<2024-2-29", at(2024, 2, 28, 23), True),
        ("date<=2024-2-29", at(2024, 2, 29, 23), True),
        ("date!=2024-05", at(2024, 6, 1), True),
    ],
)
def test_a_condition_holds_as_it_reads(text: str, value: Any, holds: bool) -> None:
    assert meets(text, value) is holds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no condition"),
        ("path", "no condition"),
        ("colour=red", "no condition"),
        ("path=", "no condition"),
        ("path>a", "a path has no order"),
        ("size>big", "no size"),
        ("size>-1", "no size"),
        ("date>yesterday", "no date"),
        ("date=2023-02-29", "no date"),
        ("date=2023-13", "no date"),
        ("date=2023-00", "no date"),
        ("date=2023-05-00", "no date"),
        ("date=0000", "no date"),
        ("date=9999", "no date"),
    ],
)
def test_what_is_no_condition_is_told_with_an_example(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        read_condition(text)
    assert caught.value.hint


def test_only_rows_that_meet_all_conditions_are_left(tmp_path: Path) -> None:
    folder = paint_gallery(tmp_path / "gallery")
    old = datetime(2020, 5, 17).timestamp()
    os.utime(folder / "red.png", (old, old))
    build([folder], tmp_path / "index", ColourEncoder())
    index = Index.open(tmp_path / "index")

    def left(*texts: str) -> set[str]:
        outside = set(rows_outside(index, [read_condition(text) for text in texts]).tolist())
        return {item.id for item in index.all_items() if item.row not in outside}

    assert left("path=re*") == {"red.png"}
    assert left("date=2020-05") == {"red.png"}
    assert left("path!=red.png", "path=*r*", "size<1MB") == {"green.png", "grey.png"}
    with pytest.raises(InputError, match="meets path=x"):
        left("path=x")


def test_every_family_ranks_what_is_left_alone(tmp_path: Path) -> None:
    from dataclasses import replace

    from likebut.pipeline.config.files import load_recipe, recipe_names
    from likebut.pipeline.records.trace import Query

    condition = read_condition("path!=blue.png")
    for name in recipe_names():
        recipe = load_recipe(name)
        if "composed" in recipe.roles:  # which takes a tower of another kind
            continue
        composer = colour_composer(tmp_path / name, recipe=recipe)
        composer = replace(composer, barred=rows_outside(composer.gallery, [condition]))
        query = Query("q", tmp_path / name / "gallery" / "red.png", "make it blue")
        trace = composer.compose([query], 10)[0]
        assert sorted(Path(hit.path).stem for hit in trace.ranking.hits) == ["green", "grey"], name
