"""`query` and `batch`: pages of a ranking, scores that are too low, paths that end with NUL."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.hits.picking import Picking
from tests.pipeline.cli.conftest import Run


def test_pages_continue_each_other(likebut: Run, gallery: Path, reference: Path) -> None:
    ask = ("query", reference, "at night", "--in", gallery, "-f", "jsonl")
    whole = json.loads(likebut(*ask, "-k", "6").out)["ranking"]["hits"]
    page = json.loads(likebut(*ask, "-k", "2", "--skip", "4").out)["ranking"]["hits"]
    assert [hit["rank"] for hit in page] == [5, 6]
    assert [hit["id"] for hit in page] == [hit["id"] for hit in whole[4:]]
    past = likebut(*ask, "--skip", "100000")
    assert past.code == 0
    assert json.loads(past.out)["ranking"]["hits"] == []


def test_hits_below_a_score_are_left_out_and_counted(likebut: Run, gallery: Path, reference: Path) -> None:
    ask = ("query", reference, "at night", "--in", gallery, "-f", "jsonl", "-k", "5")
    scores = [hit["score"] for hit in json.loads(likebut(*ask).out)["ranking"]["hits"]]
    outcome = likebut(*ask, "--min-score", str((scores[1] + scores[2]) / 2))
    kept = [hit["score"] for hit in json.loads(outcome.out)["ranking"]["hits"]]
    assert kept == scores[:2]
    assert "3 hits score below" in outcome.err
    assert "below" not in likebut(*ask, "--min-score=-1000").err


def test_a_limit_that_is_no_number_is_refused(likebut: Run, gallery: Path, reference: Path) -> None:
    outcome = likebut("query", reference, "at night", "--in", gallery, "--min-score", "nan")
    assert outcome.code == ConfigError.exit_code
    assert "--min-score nan is no finite number" in outcome.err
    with pytest.raises(ConfigError):
        Picking(10, 0, float("-inf"))


def test_names_with_line_ends_stay_whole_between_nuls(likebut: Run, drawn: Path, tmp_path: Path) -> None:
    names = ["a\nb.png", "c d.png"]
    for name, source in zip(names, sorted(drawn.glob("*.png")), strict=False):
        shutil.copy(source, tmp_path / name)
    ask = ("query", "--text", "a cat", "--in", tmp_path)
    outcome = likebut(*ask, "-f", "paths", "-0")
    assert outcome.out.endswith("\0")
    assert sorted(outcome.out[:-1].split("\0")) == [str(tmp_path / name) for name in names]
    refused = likebut(*ask, "-0")
    assert refused.code == ConfigError.exit_code
    assert "--null is for --format paths" in refused.err


@pytest.mark.parametrize("to_file", [True, False])
def test_batch_picks_as_query_does(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path, to_file: bool
) -> None:
    asked, out = tmp_path / "asked.jsonl", tmp_path / "out.jsonl"
    line = {"id": "one", "reference": str(reference), "modification": "at night"}
    asked.write_text(json.dumps(line) + "\n")
    place = ("--out", out) if to_file else ()
    ask = ("batch", asked, "--in", gallery, "-k", "2", "--skip", "1", *place)
    outcome = likebut(*ask)
    hits = json.loads(out.read_text() if to_file else outcome.out)["ranking"]["hits"]
    assert [hit["rank"] for hit in hits] == [2, 3]
    out.unlink(missing_ok=True)
    outcome = likebut(*ask, "--min-score", "1000")
    assert json.loads(out.read_text() if to_file else outcome.out)["ranking"]["hits"] == []
    assert "query one: 2 hits score below 1000: not shown" in outcome.err
