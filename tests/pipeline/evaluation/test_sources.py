"""Where a run's data lie: kept beside it, found again after a move, never part of the result."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.evaluation import runs
from likebut.pipeline.evaluation.sources import SOURCE, Source, of_run
from tests.pipeline.benchmarks.conftest import write_json


def run(folder: Path, protocol: str = "mine/all") -> Path:
    """A run of which only the config is there."""
    runs.start(
        folder,
        {"benchmark": "jsonl", "split": "all", "protocol": {"name": protocol}, "missing_pictures": 2},
    )
    return folder


def test_a_source_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    captions = write_json(tmp_path / "captions.json", {})
    source = Source("jsonl", data, "all", captions, {"exclude_reference": False}, True, None)
    folder = run(tmp_path / "run")
    source.keep(folder)
    assert of_run(folder) == source
    elsewhere = of_run(folder, data=tmp_path, captions=tmp_path / "c.json")
    assert (elsewhere.data, elsewhere.captions) == (tmp_path, tmp_path / "c.json")


def test_a_project_that_moves_as_a_whole_keeps_its_data(tmp_path: Path) -> None:
    (tmp_path / "old" / "data").mkdir(parents=True)
    Source("jsonl", tmp_path / "old" / "data").keep(run(tmp_path / "old" / "runs" / "one"))
    shutil.move(tmp_path / "old", tmp_path / "new")
    found = of_run(tmp_path / "new" / "runs" / "one").data
    assert found.resolve() == tmp_path / "new" / "data"


def test_an_older_run_says_what_to_do(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    with pytest.raises(InputError) as caught:
        of_run(folder)
    assert "does not say where its data lie" in caught.value.message
    assert "likebut eval" in caught.value.hint
    known = of_run(folder, data=tmp_path)
    assert (known.benchmark, known.data, known.allow_missing) == ("jsonl", tmp_path, True)


def test_an_older_run_of_captions_needs_them_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="searched captions"):
        of_run(run(tmp_path / "run", "cirr/val+captions"), data=tmp_path)


def test_a_broken_source_is_one_clear_error(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    for text in ("{", "{}", json.dumps([])):
        (folder / SOURCE).write_text(text)
        with pytest.raises(InputError, match="cannot read"):
            of_run(folder)
