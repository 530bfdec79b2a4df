"""Submission files: what a server would refuse is found here, with where it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline import benchmarks
from likebut.pipeline.benchmarks import submissions
from likebut.pipeline.benchmarks.records import Benchmark, Case, Item
from likebut.pipeline.errors import ConfigError, InputError
from tests.pipeline.benchmarks.conftest import write_json

NUMBERS = [str(number) for number in range(60)]


def circo() -> Benchmark:
    items = tuple(Item(number, Path(f"{number}.jpg")) for number in NUMBERS)
    cases = tuple(Case(ident, "0", "at night") for ident in ("0", "1"))
    return Benchmark("circo", "test", benchmarks.reader("circo").protocol("test"), cases, items)


def good() -> dict[str, list[int]]:
    return {ident: list(range(1, 51)) for ident in ("0", "1")}


def test_a_good_file_has_no_problem(tmp_path: Path) -> None:
    path = write_json(tmp_path / "s.json", good())
    assert submissions.problems(path, "circo", circo()) == []
    assert submissions.remarks(path, circo()) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"1": list(range(1, 50))}, "query 1: 49 places instead of 50"),
        ({"1": [7, *range(1, 50)]}, "query 1: 7 is there 2 times"),
        ({"1": ["x", *range(1, 50)]}, "query 1: 'x' is no picture number"),
        ({"1": [999, *range(1, 50)]}, "query 1: 999 is not in the gallery"),
        ({"2": list(range(1, 51))}, "query 2 is not in circo test"),
    ],
)
def test_a_fault_is_named_with_its_place(
    tmp_path: Path, change: dict[str, list[Any]], problem: str
) -> None:
    path = write_json(tmp_path / "s.json", good() | change)
    assert problem in submissions.problems(path, "circo", circo())


def test_a_missing_query_is_found_with_and_without_the_labels(tmp_path: Path) -> None:
    path = write_json(tmp_path / "s.json", {"1": list(range(1, 51))})
    assert submissions.problems(path, "circo") == ["query 0 is missing (1 in all)"]
    assert "query 0 is missing (1 in all)" in submissions.problems(path, "circo", circo())


def test_a_reference_that_ranks_itself_is_remarked(tmp_path: Path) -> None:
    path = write_json(tmp_path / "s.json", good() | {"1": [1, 0, *range(2, 50)]})
    assert submissions.problems(path, "circo", circo()) == []
    assert "query 1 at place 2" in submissions.remarks(path, circo())[0]


def test_cirr_wants_its_version_and_metric(tmp_path: Path) -> None:
    path = write_json(tmp_path / "s.json", {"version": "rc1", "12": ["a", "b", "c"]})
    found = submissions.problems(path, "cirr")
    assert "\"version\" is 'rc1', not 'rc2'" in found
    assert any(problem.startswith('"metric" is None') for problem in found)


@pytest.mark.parametrize("content", ["[1]", "{", '{"0": 5}', '{"0": [1], "0": [2]}'])
def test_what_is_no_submission_is_one_clear_error(tmp_path: Path, content: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(content)
    with pytest.raises(InputError):
        submissions.read(path)


def test_too_few_places_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        submissions.write(circo(), {"0": NUMBERS[:49]}, {}, tmp_path / "out")
    assert "query 0 has 49 places" in caught.value.message
    assert not (tmp_path / "out").exists()


def test_circo_numbers_are_written_as_numbers(tmp_path: Path) -> None:
    (path,) = submissions.write(circo(), {"0": NUMBERS, "1": NUMBERS}, {}, tmp_path)
    assert json.loads(path.read_text())["1"] == list(range(50))


def test_a_benchmark_without_a_server_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        submissions.problems(tmp_path / "s.json", "genecis")
