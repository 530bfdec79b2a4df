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
    (tmp_path / chatir.SEARCH_SPACE).write_text(json.dumps(NAMES))
    captions = {name: f"a {COLOURS[n % 6]} star at night" for n, name in enumerate(NAMES)}
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    return tmp_path


def test_dialogues_are_evaluated_over_captions_scored_and_compared(likebut: Run, data: Path) -> None:
    common = ("eval", "chatir", "--data", data, "--captions", data / "captions.json", "--allow-missing")
    runs = [data / "runs" / name for name in ("one", "two")]
    for run, recipe in zip(runs, ("text-only", "likebut"), strict=True):
        done = likebut(*common, "-o", "rounds=1", "--recipe", recipe, "--sample", "1", "--out", run)
        assert done.code == 0, done.err
        assert "2 of 4 queries" in done.err
    scored = json.loads(likebut("score", runs[0], "--format", "json").out)[0]
    assert {"Recall@10", "Hits@10:round0", "Hits@10:round1", "Recall@10 round1"} <= set(scored)
    compared = likebut("compare", *runs, "--metric", "Hits@10:round1")
    assert compared.code == 0
    assert "Hits@10:round0" in compared.out
    kept = likebut("compare", *runs, "--fail-on-regression", "Hits@10:round1:1.0")
    assert kept.code == 0


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
    assert (found["Recall@10"], found["Hits@10:round0"], found["Hits@10:round1"]) == (0.5, 0.5, 1.0)


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("rounds=12", "error: rounds=12 is no number of rounds — choose 0 to 10"),
        ("turns=fold", "error: chatir has no turns 'fold'"),
        ("round=3", "error: chatir has no option 'round'"),
    ],
)
def test_an_option_that_is_none_is_one_line(likebut: Run, data: Path, option: str, complaint: str) -> None:
    refused = likebut("eval", "chatir", "--data", data, "-o", option, "--out", data / "run")
    assert refused.code == 2
    assert refused.err.startswith(complaint)
    assert len(refused.err.strip().splitlines()) == 1
