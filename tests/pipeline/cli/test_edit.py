"""`prompts edit` as a person uses it: with an editor, with --set, on saved queries."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.pipeline.cli.conftest import Run
from tests.pipeline.cli.test_bad_input import assert_one_line


def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> Path:
    """Make a program the editor: Python code that changes ``text``; what it was shown is kept."""
    program, log = tmp_path / "my editor.py", tmp_path / "shown"
    program.write_text(
        "import pathlib, sys\npath = pathlib.Path(sys.argv[-1])\ntext = path.read_text()\n"
        f"log = pathlib.Path({str(log)!r})\n"
        "times = int(log.exists()) and log.read_text().count('=====') \n"
        "log.open('a').write(text + '=====\\n')\n"
        f"{code}\npath.write_text(text)\n"
    )
    monkeypatch.setenv("VISUAL", f'"{sys.executable}" "{program}"')
    return log


@pytest.fixture
def ask(gallery: Path, reference: Path) -> tuple[str | Path, ...]:
    return ("prompts", "edit", reference, "at night", "--in", gallery)


def test_what_was_understood_is_edited_and_the_pictures_move(
    likebut: Run, ask: tuple[str | Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import re; text = re.sub('target_caption = .*', 'target_caption = \"two red apples\"', text)"
    log = editor(monkeypatch, tmp_path, code)
    outcome = likebut(*ask, "-k", "5", "--report", tmp_path / "r.html")
    assert outcome.code == 0, outcome.err
    assert "# Modification: at night" in log.read_text()
    assert "→ two red apples" in outcome.err
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["rank", "before", "moved", "path"]
    assert len(lines) > 6  # five hits, and what fell out
    assert "two red apples" in (tmp_path / "r.html").read_text()


def test_a_text_without_a_change_says_so(
    likebut: Run, ask: tuple[str | Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, tmp_path, "")
    outcome = likebut(*ask)
    assert (outcome.code, outcome.out) == (0, "")
    assert "nothing was changed" in outcome.err


def test_a_text_that_cannot_be_read_is_shown_again_with_the_reason(
    likebut: Run, ask: tuple[str | Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "text = text.replace('desired =', 'desird =') if not times else "
        "text.replace('desird =', 'desired =').replace('desired = [', 'desired = [\"a moon\", ')"
    )
    log = editor(monkeypatch, tmp_path, code)
    outcome = likebut(*ask, "-f", "json")
    assert outcome.code == 0, outcome.err
    assert "# >> no field 'desird' — did you mean 'desired'" in log.read_text()
    assert "a moon" in json.loads(outcome.out)["changed"]["desired"]


def test_who_gives_up_keeps_the_text(
    likebut: Run, ask: tuple[str | Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    editor(monkeypatch, tmp_path, "text = text if times else text + 'mine = my work'")
    outcome = likebut(*ask)
    assert_one_line(outcome, 2, "not valid TOML", "kept in")
    kept = outcome.err.split("kept in ")[-1].strip()
    assert "mine = my work" in Path(kept).read_text()


def test_an_editor_that_fails_or_is_not_there_is_told(
    likebut: Run, ask: tuple[str | Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor(monkeypatch, tmp_path, "sys.exit(3)")
    assert_one_line(likebut(*ask), 2, "ended with 3")
    monkeypatch.setenv("VISUAL", "no-such-editor --wait")
    assert_one_line(likebut(*ask), 2, "cannot start the editor no-such-editor")
    monkeypatch.delenv("VISUAL")
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert_one_line(likebut(*ask), 2, "no terminal", "--set")


def test_set_changes_without_an_editor_and_json_holds_both_answers(
    likebut: Run, ask: tuple[str | Path, ...]
) -> None:
    ways = ("--set", "target_caption=a cat at night", "--set", "forbidden=a moon; stars")
    outcome = likebut(*ask, *ways, "-k", "3", "-f", "json")
    record = json.loads(outcome.out)
    assert record["changed"] == {"target_caption": "a cat at night", "forbidden": ["a moon", "stars"]}
    assert record["after"]["intent"]["preserved"] == record["before"]["intent"]["preserved"]
    assert record["after"]["intent"]["forbidden"] == ["a moon", "stars"]
    assert [hit["rank"] for hit in record["hits"]][:3] == [1, 2, 3]
    assert len(record["after"]["ranking"]["hits"]) == 3
    best = record["after"]["ranking"]["hits"][0]["path"]
    assert record["hits"][0]["path"] == best
    assert_one_line(likebut(*ask, "--set", "forbiden=x"), 2, "'forbidden'")


def test_a_saved_query_is_edited_without_its_models(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "t.json"
    first = likebut("query", reference, "at night", "--in", gallery, "-f", "json", "-k", "3")
    saved.write_text(first.out)
    outcome = likebut(
        "prompts",
        "edit",
        "--trace",
        saved,
        "--in",
        gallery,
        "--set",
        "desired=a moon",
        "-f",
        "json",
        "-k",
        "3",
        "--cache",
        tmp_path / "empty.sqlite",
    )
    assert outcome.code == 0, outcome.err
    record = json.loads(outcome.out)
    assert record["before"]["exchanges"] == record["after"]["exchanges"] == []
    assert record["before"]["ranking"] == json.loads(first.out)["ranking"]
    assert record["after"]["intent"]["desired"] == ["a moon"]


def test_a_query_of_a_run_finds_its_reference_in_the_gallery(
    likebut: Run, gallery: Path, tmp_path: Path
) -> None:
    from likebut.pipeline.benchmarks.records import Case
    from likebut.pipeline.evaluation.runs import Result
    from likebut.pipeline.records.trace import Intent
    from likebut.pipeline.records.traces import intent_to_json

    path = tmp_path / "results.jsonl"
    intent = intent_to_json(Intent("an apple at night"))
    path.write_text(Result(Case("q1", "scene-00003.png", "x"), intent=intent).to_line())
    ask = ("prompts", "edit", "--trace", path, "--in", gallery, "--set", "desired=a moon")
    assert likebut(*ask).code == 0
    path.write_text(Result(Case("q1", "no.png", "x"), intent=intent).to_line())
    assert_one_line(likebut(*ask), 3, "no.png")


def test_nothing_to_edit_is_a_usage_error(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path
) -> None:
    assert_one_line(likebut("prompts", "edit", "--in", gallery), 2, "nothing to edit")
    assert_one_line(likebut("prompts", "edit", reference, "--in", gallery), 2, "modification")
    assert_one_line(likebut("prompts", "edit", "no.png", "x", "--in", gallery), 3, "no.png")
    assert_one_line(
        likebut("prompts", "edit", "--trace", tmp_path / "n", "--in", gallery), 3, "cannot read"
    )
