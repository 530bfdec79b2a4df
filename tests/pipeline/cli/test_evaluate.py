"""eval, score, compare and check-submission, as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from likebut.pipeline.cli.evaluate import _places
from likebut.pipeline.errors import ConfigError
from tests.pipeline.benchmarks.conftest import write_json
from tests.pipeline.cli.conftest import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evaluations")


@pytest.fixture
def runs(likebut: Run, folder: Path) -> tuple[Path, Path]:
    """Two finished runs over 60 drawn pictures."""
    data = folder / "data"
    for recipe in ("text-only", "likebut"):
        done = likebut(
            "eval",
            "pocket",
            "--data",
            data,
            "-o",
            "pictures=60",
            "-o",
            "queries=9",
            "-o",
            "seed=4",
            "--recipe",
            recipe,
            "--out",
            folder / recipe,
            "--cache",
            folder / "cache.sqlite",
        )
        assert done.code == 0, done.err
    return folder / "text-only", folder / "likebut"


def test_eval_prints_protocol_and_every_metric_with_its_interval(
    likebut: Run, folder: Path, runs: tuple[Path, Path]
) -> None:
    done = likebut(
        "eval",
        "pocket",
        "--data",
        folder / "data",
        "--recipe",
        "likebut",
        "--out",
        runs[1],
        "--cache",
        folder / "cache.sqlite",
    )
    assert done.code == 0, done.err
    assert "pocket/unseen v1: 9 of 9 queries, 60 pictures; the reference is left out" in done.err
    assert "0 answered, 9 already there" in done.err
    assert "Recall@10" in done.out
    assert "95 % interval" in done.out
    assert sorted(path.name for path in folder.glob("pocket-unseen-*.index"))


def test_score_needs_the_run_alone(likebut: Run, runs: tuple[Path, Path]) -> None:
    one = likebut("score", runs[1], "--format", "json")
    row = json.loads(one.out)[0]
    assert row["Recall@10"] > 0.5
    assert row["intervals"]["mAP@5"][0] <= row["mAP@5"] <= row["intervals"]["mAP@5"][1]
    both = likebut("score", *runs)
    assert both.code == 0
    assert "text-only" in both.out


def test_compare_shows_the_paired_difference_the_changes_and_the_cost(
    likebut: Run, runs: tuple[Path, Path]
) -> None:
    done = likebut("compare", *runs, "--metric", "mAP@5")
    assert done.code == 0, done.err
    assert "B − A" in done.out
    assert "reply_tokens" in done.out
    assert "likebut gained" in done.err


def test_a_regression_fails_the_build(likebut: Run, runs: tuple[Path, Path]) -> None:
    worse = likebut("compare", runs[1], runs[0], "--fail-on-regression", "mAP@5:0.05")
    assert worse.code == 5
    better = likebut("compare", *runs, "--fail-on-regression", "mAP@5:0.05")
    assert better.code == 0
    assert likebut("compare", *runs, "--fail-on-regression", "nDCG:1").code == 2
    assert likebut("compare", *runs, "--fail-on-regression", "much").code == 2
    assert likebut("compare", runs[0]).code == 2


def test_another_recipe_does_not_enter_the_same_run(
    likebut: Run, folder: Path, runs: tuple[Path, Path]
) -> None:
    done = likebut("eval", "pocket", "--data", folder / "data", "--recipe", "cirevl", "--out", runs[1])
    assert done.code == 2
    assert "holds another run: recipe" in done.err


def test_a_benchmark_without_a_server_takes_no_submission(
    likebut: Run, folder: Path, runs: tuple[Path, Path]
) -> None:
    done = likebut(
        "eval",
        "pocket",
        "--data",
        folder / "data",
        "--recipe",
        "likebut",
        "--out",
        runs[1],
        "--cache",
        folder / "cache.sqlite",
        "--submission",
        folder / "sub",
    )
    assert done.code == 2
    assert "pocket has no server" in done.err


def circo(tmp_path: Path) -> Path:
    """All of CIRCO's val: 220 queries whose target is picture 1000 + id."""
    rows = [
        {
            "id": n,
            "reference_img_id": n,
            "relative_caption": "at night",
            "shared_concept": "a cat",
            "target_img_id": 1000 + n,
            "gt_img_ids": [1000 + n],
            "semantic_aspects": ["addition"],
        }
        for n in range(220)
    ]
    write_json(tmp_path / "circo" / "annotations" / "val.json", rows)
    return tmp_path / "circo"


def test_anybodys_submission_is_scored_and_checked(likebut: Run, tmp_path: Path) -> None:
    data = circo(tmp_path)
    places = {str(n): [5000 + n, 1000 + n, *range(2000, 2048)] for n in range(220)}
    file = write_json(tmp_path / "theirs.json", places)
    scored = likebut("score", file, "-b", "circo", "-d", data, "--split", "val", "-f", "json")
    assert json.loads(scored.out)[0]["mAP@5"] == pytest.approx(0.5)
    table = likebut("score", file, "-b", "circo", "-d", data)
    assert "50.00" in table.out
    assert likebut("check-submission", file, "-b", "circo").code == 0
    del places["7"]
    short = write_json(tmp_path / "short.json", places | {"8": [1]})
    checked = likebut("check-submission", short, "-b", "circo", "-d", data)
    assert checked.code == 3
    assert "query 7 is missing (1 in all)" in checked.err
    assert "query 8: 1 places instead of 50" in checked.err
    refused = likebut("score", short, "-b", "circo", "-d", data)
    assert refused.code == 3
    assert "has no query 7 (1 of 220 are missing)" in refused.err


def test_a_submission_without_labels_is_not_scored(likebut: Run, tmp_path: Path) -> None:
    file = write_json(tmp_path / "theirs.json", {})
    done = likebut("score", file)
    assert done.code == 2
    assert "--benchmark NAME --data DIR" in done.err


def test_a_missing_data_folder_is_one_line(likebut: Run, tmp_path: Path) -> None:
    done = likebut("eval", "cirr", "--data", tmp_path / "no", "--out", tmp_path / "run")
    assert done.code == 3
    assert len(done.err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_recipe_file_gives_its_folder_its_name(tmp_path: Path) -> None:
    mine, theirs = str(tmp_path / "a" / "mine.toml"), str(tmp_path / "b" / "mine.toml")
    assert _places(Path("out"), ["likebut", mine, "pdv@circo-l14"]) == {
        "likebut": Path("out/likebut"),
        mine: Path("out/mine"),
        "pdv@circo-l14": Path("out/pdv@circo-l14"),
    }
    assert _places(Path("out"), [mine]) == {mine: Path("out")}
    with pytest.raises(ConfigError, match="one name"):
        _places(Path("out"), [mine, theirs])
