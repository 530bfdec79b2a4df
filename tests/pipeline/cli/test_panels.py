"""Help in groups: every option stands in one, the daily ones first, photographs first."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.pipeline.cli.conftest import Run

ORDER = ["Arguments", "Options", "Results", "Method", "Models", "Cost"]


@pytest.mark.parametrize("columns", ["80", "120"])
def test_the_help_of_query_stands_in_groups(columns: str) -> None:
    import os

    done = subprocess.run(
        [sys.executable, "run.py", "query", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": columns, "NO_COLOR": "1"},
    )
    assert re.findall(r"^╭─ ([A-Z][a-z ]+) ─", done.stdout, re.MULTILINE) == ORDER
    assert max(map(len, done.stdout.splitlines())) <= int(columns)


def section(text: str, title: str) -> str:
    return text.split(f"─ {title} ─", 1)[1].split("╰", 1)[0]


def test_an_option_stands_with_those_it_belongs_to(likebut: Run) -> None:
    shown = likebut("query", "--help").out
    daily = section(shown, "Options")
    assert all(option in daily for option in ("--in", "--index", "--text", "-k", "--format", "--profile"))
    assert "--max-calls" in section(shown, "Cost")
    assert "--explain" in section(shown, "Results")
    assert "--device" in section(shown, "Models")
    assert "--weight" in section(shown, "Method")


def test_photographs_come_first_in_the_examples(likebut: Run) -> None:
    shown = likebut("query", "--help").out
    examples = [line for line in shown.splitlines() if line.strip().startswith("likebut query")]
    assert "photo.jpg" in examples[0]
    assert "--profile cpu" in examples[0]
    assert "~/Pictures" in likebut("batch", "--help").out
