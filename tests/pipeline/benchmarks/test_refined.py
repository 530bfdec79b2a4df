"""Refined annotations: sentences said anew, and queries that are gone, of CIRR and FashionIQ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline import benchmarks
from likebut.pipeline.errors import InputError
from tests.pipeline.benchmarks.conftest import picture, write_json

MEMBERS = {"id": 1, "members": ["a", "b", "c", "d", "e", "f"]}


def cirr(folder: Path) -> Path:
    """Three queries over six pictures."""
    rows = [
        {"pairid": n, "reference": "a", "target_hard": target, "caption": f"old {n}", "img_set": MEMBERS}
        for n, target in ((7, "b"), (8, "c"), (9, "d"))
    ]
    write_json(folder / "captions" / "cap.rc2.val.json", rows)
    write_json(folder / "image_splits" / "split.rc2.val.json", {name: f"{name}.png" for name in "abcdef"})
    for name in "abcdef":
        picture(folder / f"{name}.png")
    return folder


def refined_cirr(folder: Path, name: str = "refined_cirr.val.json") -> Path:
    """CoLLM's form: query 9 stays, 7 is said anew, 8 is gone."""
    return write_json(
        folder / name,
        [
            {"pairid": 9, "caption": "old 9", "is_refined": False},
            {"pairid": 7, "caption": "a dog on tiles", "is_refined": True},
        ],
    )


def loaded(name: str, folder: Path, split: str, **options: Any) -> benchmarks.Benchmark:
    return benchmarks.load(name, folder, split, allow_missing=True, **options)


@pytest.mark.parametrize("place", ["", "captions"])
def test_sentences_are_said_anew_and_queries_that_are_gone_are_not_asked(
    tmp_path: Path, place: str
) -> None:
    refined_cirr(cirr(tmp_path) / place)
    found = loaded("cirr", tmp_path, "val", annotations="refined")
    assert [(case.id, case.modification) for case in found.cases] == [
        ("7", "a dog on tiles"),
        ("9", "old 9"),
    ]
    # References, targets and subsets are those of the official file.
    assert [case.targets for case in found.cases] == [("b",), ("d",)]
    assert found.cases[0].reference == "a"
    assert found.cases[0].subset == ("b", "c", "d", "e", "f")


def test_they_are_a_protocol_of_their_own_that_names_the_file(tmp_path: Path) -> None:
    refined_cirr(cirr(tmp_path))
    plain = loaded("cirr", tmp_path, "val")
    found = loaded("cirr", tmp_path, "val", annotations="refined")
    assert (plain.protocol.title, found.protocol.title) == ("cirr/val v1", "cirr/val+refined v1")
    assert found.protocol.modification == "the caption in refined_cirr.val.json"
    assert [case.modification for case in plain.cases] == ["old 7", "old 8", "old 9"]


def test_a_file_of_another_name_may_be_given(tmp_path: Path) -> None:
    path = refined_cirr(tmp_path / "elsewhere", "mine.json")
    found = loaded("cirr", cirr(tmp_path / "cirr"), "val", annotations=str(path))
    assert len(found.cases) == 2


def test_how_many_queries_are_left_is_not_checked_but_pictures_are(tmp_path: Path) -> None:
    refined_cirr(cirr(tmp_path))
    with pytest.raises(InputError) as caught:
        benchmarks.load("cirr", tmp_path, "val", annotations="refined")
    assert "6 pictures of 2,297" in caught.value.message
    assert "queries" not in caught.value.message


def test_fashioniq_goes_by_candidate_and_target_and_twins_by_their_order(tmp_path: Path) -> None:
    pairs = [("r", "t"), ("r", "u"), ("r", "t"), ("s", "t")]
    write_json(
        tmp_path / "captions" / "cap.dress.val.json",
        [{"candidate": r, "target": t, "captions": ["is old", "longer"]} for r, t in pairs],
    )
    write_json(tmp_path / "image_splits" / "split.dress.val.json", ["r", "s", "t", "u"])
    for name in "rstu":
        picture(tmp_path / "images" / f"{name}.png")
    write_json(
        tmp_path / "refined.json",
        [
            {"candidate": "r", "target": "t", "captions": ["first"], "is_refined": True},
            {"candidate": "x", "target": "y", "captions": ["a shirt's"], "is_refined": True},
            {"candidate": "r", "target": "t", "captions": ["second"], "is_refined": True},
            {"candidate": "s", "target": "t", "captions": ["is old", "longer"], "is_refined": False},
        ],
    )
    found = loaded("fashioniq", tmp_path, "dress", annotations="refined.json", join="reversed")
    assert [(case.id, case.modification) for case in found.cases] == [
        ("0", "first"),
        ("2", "second"),
        ("3", "longer and is old"),
    ]
    assert found.protocol.title == "fashioniq/dress+reversed+refined v2"
    assert found.protocol.modification.endswith(", of refined.json")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"caption": "no query"}], "entry 0: it lacks one of pairid, caption"),
        ([{"pairid": 7, "caption": ""}], "entry 0: it lacks one of pairid, caption"),
        ([{"pairid": 7, "caption": "x"}, "row"], "entry 1: it lacks one of pairid, caption"),
        ([{"pairid": 1, "caption": "x"}], "has none of the 3 queries"),
        ({}, "a list was expected"),
    ],
)
def test_a_file_that_is_something_else_is_told_with_its_place(tmp_path: Path, rows: Any, said: str) -> None:
    write_json(cirr(tmp_path) / "refined_cirr.val.json", rows)
    with pytest.raises(InputError) as caught:
        loaded("cirr", tmp_path, "val", annotations="refined")
    assert said in caught.value.message


def test_a_file_that_is_not_there_is_told_where_it_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"captions.refined_cirr\.val\.json"):
        loaded("cirr", cirr(tmp_path), "val", annotations="refined")
