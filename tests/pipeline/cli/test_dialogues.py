"""Dialogues as a person evaluates them: eval over captions, score, compare, anybody's submission."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from likebut.pipeline.benchmarks import chatir
from tests.pipeline.cli.conftest import Run

NAMES = [f"unlabeled2017/{number}.jpg" for number in range(12)]
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two dialogues of one round over twelve names, and captions of all pictures."""
    dialogues = [
        {"img": NAMES[n], "dialog": [f"a {COLOURS[n]} star", "is it night? yes"]} for n in range(2)
    ]
    (tmp_path / chatir.FILES["val"]).write_text(json.dumps(dialogues))
    (tmp_path / chatir.POOL).write_text(json.dumps(NAMES))
    captions = {name: f"a {COLOURS[n % 6]} star at night" for n, name in enumerate(NAMES)}
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    return tmp_path


def without_rounds(run: Path, *gone: str) -> None:
    """Take the lines of queries out of a run, as one that was stopped lacks them."""
    path = run / "results.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if json.loads(line)["case"]["id"] not in gone))


def test_dialogues_are_evaluated_over_captions_scored_and_compared(likebut: Run, data: Path) -> None:
    common = ("eval", "chatir", "--data", data, "--captions", data / "captions.json", "--allow-missing")
    runs = [data / "runs" / name for name in ("one", "two")]
    for run, recipe in zip(runs, ("text-only", "likebut"), strict=True):
        done = likebut(*common, "-o", "rounds=1", "--recipe", recipe, "--out", run)
        assert done.code == 0, done.err
        assert "4 of 4 queries" in done.err
    scored = json.loads(likebut("score", runs[0], "--format", "json").out)[0]
    assert {"Recall@10", "Hits@10", "Hits@10 round 0", "Hits@10 round 1"} <= set(scored)
    without_rounds(runs[1], "1:1")
    compared = likebut("compare", *runs, "--metric", "Hits@10 round 0", "--format", "json")
    assert compared.code == 0, compared.err
    counts = {row["metric"]: row["n"] for row in json.loads(compared.out)}
    assert (counts["Recall@10"], counts["Hits@10 round 0"], counts["Hits@10 round 1"]) == (3, 2, 1)


def test_dialogues_that_gained_are_named_by_what_they_said_first(likebut: Run, data: Path) -> None:
    runs = [data / "runs" / name for name in ("one", "two")]
    for run in runs:
        common = ("eval", "chatir", "--data", data, "--captions", data / "captions.json", "--allow-missing")
        assert likebut(*common, "-o", "rounds=0", "--recipe", "text-only", "--out", run).code == 0
    path = runs[0] / "results.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    found = json.loads(likebut("score", runs[1], "--format", "json").out)[0]["Hits@10"]
    path.write_text("".join(json.dumps(row | {"ranking": []}) + "\n" for row in rows))
    compared = likebut("compare", *runs, "--metric", "Hits@10")
    gained = [line for line in compared.err.splitlines() if "two gained dialogues:" in line]
    assert len(gained) == round(2 * found) > 0
    assert "Hits@10 0.00 → 1.00  a " in gained[0]


def test_anybodys_rankings_of_dialogues_are_scored_by_round(
    likebut: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chatir, "DIALOGUES", 2)
    monkeypatch.setattr(chatir, "PICTURES", 12)
    last = NAMES[::-1]  # the target of dialogue 0 is the twelfth, that of dialogue 1 the eleventh
    theirs = {"0:0": last, "0:1": NAMES, "1:0": NAMES, "1:1": last}
    (data / "theirs.json").write_text(json.dumps(theirs))
    labels = ("-b", "chatir", "-d", data, "-o", "rounds=1", "-f", "json")
    (found,) = json.loads(likebut("score", data / "theirs.json", *labels).out)
    assert (found["Recall@10"], found["Hits@10 round 0"], found["Hits@10"]) == (0.5, 0.5, 1.0)


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("rounds=12", "error: rounds=12 is none of 0 to 10"),
        ("rounds=all", "error: rounds=all is none of 0 to 10"),
        ("turns=fold", "error: turns='fold' is none of"),
        ("round=3", "error: chatir has no option 'round'"),
    ],
)
def test_an_option_that_is_none_is_one_line(likebut: Run, data: Path, option: str, complaint: str) -> None:
    refused = likebut("eval", "chatir", "--data", data, "-o", option, "--out", data / "run")
    assert refused.code == 2
    assert refused.err.startswith(complaint)
    assert len(refused.err.strip().splitlines()) == 1
