"""`doctor --profile`: can these models run here?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.cli.conftest import Run


def states(out: str) -> dict[str, str]:
    return {row["what"]: row["state"] for row in json.loads(out)}


def test_the_pocket_profile_runs_here(likebut: Run) -> None:
    outcome = likebut("doctor", "--profile", "pocket", "-f", "json")
    assert outcome.code == 0
    assert set(states(outcome.out).values()) == {"ok"}


def test_what_can_be_fetched_is_not_missing_unless_offline(
    likebut: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    small = tmp_path / "small.toml"
    text = likebut("profiles", "show", "pocket").out
    small.write_text(text.replace("pocket:reasoner", "org/small"))
    outcome = likebut("doctor", "--profile", small, "-f", "json")
    assert (outcome.code, states(outcome.out)["reasoner"]) == (0, "fetch")
    outcome = likebut("doctor", "--profile", small, "--offline", "-f", "json")
    assert (outcome.code, states(outcome.out)["reasoner"]) == (4, "missing")


def test_an_unknown_profile_is_met_with_a_suggestion(likebut: Run) -> None:
    outcome = likebut("doctor", "--profile", "pockt")
    assert outcome.code == 2
    assert "pocket" in outcome.err
