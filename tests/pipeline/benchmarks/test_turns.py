"""Benchmarks of dialogues: what becomes of the sentences before the last one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from likebut.pipeline.benchmarks import load
from likebut.pipeline.benchmarks.turns import asked
from likebut.pipeline.errors import ConfigError, InputError

SAID = ("make it night", "two of them", "with a dog")


@pytest.mark.parametrize(
    ("turns", "modification", "history"),
    [
        ("folded", "with a dog", ("make it night", "two of them")),
        ("last", "with a dog", ()),
        ("joined", "make it night, then two of them, then with a dog", ()),
    ],
)
def test_a_dialogue_is_asked_in_one_of_three_ways(
    turns: str, modification: str, history: tuple[str, ...]
) -> None:
    assert asked(SAID, turns) == (modification, history)


def test_another_way_is_refused() -> None:
    with pytest.raises(ConfigError, match="turns='fold' is none of folded, last, joined"):
        asked(SAID, "fold")


def written(folder: Path, **row: object) -> Path:
    for name in ("a", "b"):
        Image.new("RGB", (4, 4)).save(folder / f"{name}.png")
    line = {"reference": "a.png", "modification": "with a dog", "targets": ["b.png"], **row}
    (folder / "queries.jsonl").write_text(json.dumps(line))
    return folder


def test_a_line_of_your_own_may_have_a_history(tmp_path: Path) -> None:
    folder = written(tmp_path, history=list(SAID[:2]))
    (case,) = load("jsonl", folder).cases
    assert (case.modification, case.history) == ("with a dog", SAID[:2])
    last = load("jsonl", folder, turns="last")
    assert last.cases[0].history == ()
    assert last.protocol.name == "jsonl/all+turns-last"


@pytest.mark.parametrize("wrong", ["make it night", [7], [" "], {"a": 1}])
def test_a_history_that_is_no_list_of_sentences_is_named(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(InputError, match="line 1: its history has to be a list of sentences"):
        load("jsonl", written(tmp_path, history=wrong))
