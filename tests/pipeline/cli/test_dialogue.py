"""`dialogue`: saved sessions shown, taken again, and held side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from likebut.pipeline.setup.names import Setup
from likebut.pipeline.setup.session import open as open_setup
from tests.pipeline.cli.conftest import Run


@pytest.fixture
def saved(gallery: Path, reference: Path, tmp_path: Path) -> Path:
    """Four turns: two grow from the second."""
    session = open_setup(Setup(folders=(gallery,))).start(reference, k=10)
    session.but("at night")
    session.pick(2)
    session.but("as a sketch")
    session.go(1)
    session.weigh(reference=0.4)
    session.save(tmp_path / "cats.json")
    return tmp_path / "cats.json"


def test_turns_are_shown_as_a_tree_with_what_was_wanted(likebut: Run, saved: Path) -> None:
    outcome = likebut("dialogue", "show", saved)
    assert outcome.code == 0
    head, *rows = outcome.out.splitlines()
    assert head.split() == ["turn", "from", "at", "said", "target_caption", "hits"]
    assert [row.split()[0] for row in rows] == ["1", "2", "3", "4"]
    assert "at night" in rows[1]
    assert "  from scene-" in rows[2]
    assert ">" in rows[3]
    records = [
        json.loads(line) for line in likebut("dialogue", "show", saved, "-f", "jsonl").out.splitlines()
    ]
    assert [(one["turn"], one["from"], one["at"]) for one in records] == [
        (1, None, False),
        (2, 1, False),
        (3, 2, False),
        (4, 2, True),
    ]
    assert records[1]["said"] == "at night"
    assert records[1]["target_caption"]
    assert len(records[1]["hits"]) == 3


def test_the_same_composer_gives_the_same_again(likebut: Run, saved: Path, gallery: Path) -> None:
    out = saved.parent / "again.json"
    outcome = likebut("dialogue", "replay", saved, "--in", gallery, "--out", out, "-f", "json")
    assert outcome.code == 0, outcome.err
    rows = json.loads(outcome.out)
    assert [row["overlap@10"] for row in rows] == [1.0] * 4
    assert [row["first_difference"] for row in rows] == [None] * 4
    assert outcome.err.splitlines()[-1] == f"{out}: 4 turns"
    assert likebut("dialogue", "diff", saved, out, "-f", "jsonl").out.count('"overlap@10": 1.0') == 4


def test_another_recipe_is_held_against_what_was_found(likebut: Run, saved: Path, gallery: Path) -> None:
    outcome = likebut("dialogue", "replay", saved, "--in", gallery, "--recipe", "text-only")
    assert outcome.code == 0, outcome.err
    rows = outcome.out.splitlines()
    assert " → –" in rows[2]  # a recipe without a reasoner has no target caption
    assert "1: scene-" in rows[2]


def test_a_dialogue_that_ended_earlier_has_turns_that_the_other_lacks(
    likebut: Run, saved: Path, tmp_path: Path
) -> None:
    record = json.loads(saved.read_text())
    shorter = tmp_path / "shorter.json"
    shorter.write_text(json.dumps({**record, "turns": record["turns"][:2], "at": 1}))
    rows = [
        json.loads(line)
        for line in likebut("dialogue", "diff", saved, shorter, "-f", "jsonl").out.splitlines()
    ]
    assert [row["overlap@10"] for row in rows] == [1.0, 1.0, None, None]
    assert rows[3]["said"] == ["weights: reference 0.4", ""]


def test_what_is_no_dialogue_or_not_ours_to_write_is_one_line(
    likebut: Run, saved: Path, gallery: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    empty = tmp_path / "empty.json"
    empty.write_text('{"kind":"dialogue","schema_version":1,"at":-1,"picked":"","turns":[]}')
    for arguments, code, words in (
        (("show", mine), 3, "holds no dialogue"),
        (("show", tmp_path / "none.json"), 3, "cannot read the dialogue"),
        (("show", empty), 3, "a dialogue without a turn"),
        (("diff", saved, mine), 3, "holds no dialogue"),
        (("replay", saved, "--in", gallery, "--out", mine), 2, "holds no dialogue — name another file"),
        (("replay", saved, "--in", gallery, "--recipe", "none"), 2, "no recipe"),
        (("replay", saved), 2, "name one gallery"),
    ):
        outcome = likebut("dialogue", *arguments)
        assert (outcome.code, outcome.out, outcome.err.count("\n")) == (code, "", 1), outcome.err
        assert words in outcome.err
    assert mine.read_text() == "mine"


def test_a_step_that_cannot_be_taken_there_is_named(likebut: Run, saved: Path, tmp_path: Path) -> None:
    from likebut.pipeline.pocket.draw import draw_gallery

    draw_gallery(tmp_path / "other", 2, seed=9)
    outcome = likebut(
        "dialogue", "replay", saved, "--in", tmp_path / "other", "--out", tmp_path / "new.json"
    )
    assert outcome.code == 3
    assert "the gallery has no scene-" in outcome.err
    assert not (tmp_path / "new.json").exists()
