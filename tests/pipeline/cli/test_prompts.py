"""`prompts render` and `prompts check` as a person uses them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.pipeline.cli.conftest import Run

VARIABLES = ("--var", "caption=a red apple", "--var", "modification=make it blue")


def test_render_prints_exactly_what_a_query_sends(likebut: Run, gallery: Path, reference: Path) -> None:
    answered = likebut("query", reference, "make it night", "--in", gallery, "-f", "json")
    trace = json.loads(answered.out)
    describe, reason = trace["exchanges"]
    shown = json.loads(
        likebut(
            "prompts",
            "render",
            "reason/likebut",
            "--var",
            f"caption={trace['captions'][0]}",
            "--var",
            "modification=make it night",
            "-f",
            "json",
        ).out
    )
    assert shown["messages"] == reason["messages"]
    assert shown["schema"]["required"][0] == "reasoning"
    shown = json.loads(
        likebut("prompts", "render", "describe/dense", "--image", reference, "-f", "json").out
    )
    assert shown == {"messages": describe["messages"], "schema": None}


def test_render_shows_messages_and_schema_to_read(likebut: Run) -> None:
    shown = likebut("prompts", "render", "reason/cirevl", *VARIABLES).out
    assert shown.startswith("=== system ===\nYou get the caption")
    assert "=== user ===\nCaption: a red apple\nModification: make it blue\n" in shown
    assert '"maxLength": 200' in shown.split("=== schema of the reply ===")[1]


def test_render_for_a_profile_shows_its_chat_text(likebut: Run) -> None:
    ask = ("prompts", "render", "reason/cirevl", *VARIABLES, "--profile")
    assert likebut(*ask, "pocket").out == (
        "<user>Caption: a red apple\nModification: make it blue<assistant>\n"
    )
    missing = likebut(*ask, "cpu")
    assert missing.code == 4
    assert "not on this machine" in missing.err


def test_check_passes_what_is_shipped_and_counts_tokens(likebut: Run) -> None:
    outcome = likebut("prompts", "check", "--strict", "-p", "pocket", "-p", "cpu", "-f", "json")
    assert outcome.code == 0, outcome.err
    rows = {row["prompt"]: row for row in json.loads(outcome.out)}
    assert rows["reason/likebut"]["problems"] == []
    assert rows["reason/likebut"]["tokens pocket"] > rows["reason/likebut"]["shared pocket"] > 0
    assert "not on this machine" in rows["reason/likebut"]["tokens cpu"]


def test_check_names_file_and_line_of_every_fault_and_exits_2(likebut: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.j2"
    path.write_text('+++\nvariables = ["caption"]\n+++\n=== user ===\n{{ captoin }}\n')
    outcome = likebut("prompts", "check", path)
    assert outcome.code == 2
    assert outcome.err.splitlines() == [
        f"{path}:2: error: declares the variable 'caption' and does not use it",
        f"{path}:5: error: uses the variable 'captoin', which `variables` does not declare: "
        "did you mean 'caption'?",
    ]
    assert likebut("prompts", "check", "reason/likebutt").code == 2


def test_warnings_fail_only_where_asked_to(likebut: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.j2"
    path.write_text('+++\nvariables = ["caption"]\n+++\n=== user ===\n{{ caption }}' + " words" * 50)
    outcome = likebut("prompts", "check", path)
    assert (outcome.code, "warning" in outcome.err) == (0, True)
    assert likebut("prompts", "check", path, "--strict").code == 2
