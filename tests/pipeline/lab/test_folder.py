"""The folder of a comparison: whole or not there, and readable by the other commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.evaluation import compare as comparing
from likebut.pipeline.evaluation import runs
from likebut.pipeline.lab import folder as folders
from likebut.pipeline.lab.comparison import compare
from likebut.pipeline.records.traces import trace_from_json
from tests.pipeline.lab.conftest import ASKED, Try, target


def test_a_variant_is_a_run_that_other_commands_read(trials: Try, tmp_path: Path) -> None:
    found = trials(good=target("blue"), bad=target("green"))
    out = folders.write(compare(found, ["mAP@10"], ASKED), tmp_path / "lab")
    assert sorted(path.name for path in out.iterdir()) == [
        "bad",
        "comparison.json",
        "good",
        "index.html",
        "thumbs",
    ]
    good, bad = (runs.open_run(out / name) for name in ("good", "bad"))
    by_name = {one.metric: one.difference for one in comparing.differences(good, bad)}
    assert by_name["mAP@10"] == pytest.approx(1 / 3 - 1)
    assert json.loads((out / "good" / "metrics.json").read_text())["calls"] == 2
    (line,) = (out / "bad" / "traces.jsonl").read_text().splitlines()
    assert trace_from_json(json.loads(line)).intent.target_caption == "green"


def test_an_earlier_comparison_is_replaced_whole(trials: Try, tmp_path: Path) -> None:
    found = trials(good=target("blue"), bad=target("green"))
    done = compare(found, ["mAP@10"], ASKED)
    out = folders.write(done, tmp_path / "lab")
    shutil.copytree(out / "good", out / "stale")
    (tmp_path / ".lab.part").mkdir()
    (tmp_path / ".lab.part" / "torn.json").write_text("{")
    folders.write(done, out)
    assert not (out / "stale").exists()
    assert not (out / "torn.json").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".lab")]


@pytest.mark.parametrize("name", ["notes.txt", "good/notes.txt", "thumbs/me.png", "mine/a.txt"])
def test_a_comparison_with_something_of_others_in_it_is_not_replaced(
    trials: Try, tmp_path: Path, name: str
) -> None:
    done = compare(trials(good=target("blue"), bad=target("green")), ["mAP@10"], ASKED)
    out = folders.write(done, tmp_path / "lab")
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("mine")
    with pytest.raises(ConfigError, match="would go with it"):
        folders.write(done, out)
    assert (out / name).read_text() == "mine"


def test_a_figures_file_of_something_else_is_no_comparison(tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text('{"mine": 1}')
    with pytest.raises(ConfigError, match="holds no comparison"):
        folders.check_free(tmp_path)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_text("x")
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "photos", tmp_path / "file"):
        with pytest.raises(ConfigError, match="holds no comparison"):
            folders.check_free(out)
    folders.check_free(tmp_path / "new")


def test_a_failure_on_the_way_leaves_the_earlier_one(
    trials: Try, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = trials(good=target("blue"), bad=target("green"))
    done = compare(found, ["mAP@10"], ASKED)
    out = folders.write(done, tmp_path / "lab")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(folders, "write_lab_report", broken)
    with pytest.raises(KeyboardInterrupt):
        folders.write(done, out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
