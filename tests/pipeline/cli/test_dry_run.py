"""How estimates are worded, and that a dry run leaves a folder as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from likebut.pipeline.asking.ledger import Tally
from likebut.pipeline.cli.dry_run import duration
from likebut.pipeline.cli.money import dollars, in_words
from tests.pipeline.cli.conftest import Run


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "–"),
        (0.0, "$0.00"),
        (12.4, "$12.40"),
        (1234.5, "$1,234.50"),
        (0.05, "$0.0500"),
        (0.0031, "$0.0031"),
        (0.0000213, "$0.000021"),
    ],
)
def test_dollars_show_two_figures_at_least(amount: float | None, text: str) -> None:
    assert dollars(amount) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.44, "0.4 s"), (61.0, "61 s"), (720.0, "12 min"), (12_600.0, "3.5 h")],
)
def test_durations_are_rounded_for_people(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_a_tally_says_what_it_counts() -> None:
    tally = Tally(calls=1200, failed=2, cached=7, prompt_tokens=5000, reply_tokens=90, cost=1.5)
    assert in_words(tally) == (
        "1,200 calls made (2 without an answer), 7 from the cache; 5,000 prompt + 90 reply tokens; $1.50"
    )
    assert in_words(Tally(cached=3)) == "0 calls made, 3 from the cache"


def files(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "paths"])
def test_a_dry_query_writes_nothing_in_any_format(
    likebut: Run, drawn: Path, own_cache: Path, form: str
) -> None:
    before = files(drawn), files(own_cache.parent)
    done = likebut("query", drawn / "scene-00003.png", "at night", "--in", drawn, "--dry-run", "-f", form)
    assert done.code == 0, done.err
    assert (files(drawn), files(own_cache.parent)) == before
    assert "describe" in done.out
    if form == "json":
        rows = json.loads(done.out)
        assert [(row["stage"], row["to_make"], row["cost"]) for row in rows] == [
            ("describe", 1, 0.0),
            ("reason", 1, 0.0),
        ]


def test_a_dry_run_says_where_it_gives_the_most(likebut: Run, gallery: Path, reference: Path) -> None:
    ask = ("query", reference, "at night", "--in", gallery, "--dry-run")
    done = likebut(*ask, "-r", "wiser")
    assert done.code == 0, done.err
    assert "rerank and refine: at most" in done.err
    assert "rerank: at most" in likebut(*ask, "--rerank", "yes").err
    assert "at most, for" not in likebut(*ask).err


def test_a_dry_run_finds_faults_that_a_real_one_would_find(
    likebut: Run, drawn: Path, tmp_path: Path
) -> None:
    ask = ("query", drawn / "scene-00003.png", "at night", "--dry-run")
    assert likebut(*ask, "--in", tmp_path / "none").code == 3
    assert likebut(*ask).code == 2
    assert likebut(*ask, "--in", drawn, "-r", "likebutt").code == 2


def test_a_dry_batch_reads_stdin_and_names_what_cannot_be_asked(
    likebut: Run, drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys
    from types import SimpleNamespace

    lines = b'{"id": "a", "reference": "gone.png", "modification": "x"}\n{"id": "b", "modification": "y"}\n'
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    done = likebut("batch", "-", "--in", drawn, "--dry-run")
    assert done.code == 0, done.err
    assert done.out == ""
    assert "cannot be asked: a: the reference cannot be used" in done.err
    assert "dry run: 0 calls, 0 of them in the cache" in done.err
