"""tune, recipes diff and batch as a stream, as a person runs them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.config.files import load_recipe
from tests.pipeline.cli.conftest import Outcome, Run
from tests.pipeline.cli.test_bad_input import assert_one_line

TUNE = ("tune", "--benchmark", "pocket", "--on", "mAP@5", "--trials", "200")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuning")


@pytest.fixture
def tuned(likebut: Run, folder: Path) -> Any:
    """Tune on 60 drawn pictures with 12 queries; more options may follow."""

    def run(*more: str | Path) -> Outcome:
        return likebut(
            *TUNE,
            "--data",
            folder / "data",
            "-o",
            "pictures=60",
            "-o",
            "queries=12",
            "-o",
            "seed=4",
            "--cache",
            folder / "cache.sqlite",
            *more,
        )

    return run


def test_a_tuned_recipe_is_written_reported_and_used(
    likebut: Run, tuned: Any, folder: Path, gallery: Path, reference: Path
) -> None:
    out = folder / "mine.toml"
    done = tuned("--out", out)
    assert done.code == 0, done.err
    assert "settings/s" in done.err
    assert "queries held out (95 %" in done.err
    for words in ("base, uncalibrated", "first (searched)", "second (held out)", "B − A"):
        assert words in done.out
    assert "tuned on pocket unseen, first half, mAP@5, n " in load_recipe(str(out)).weights_from
    assert likebut("recipes", "show", out).out == out.read_text()
    asked = likebut("query", reference, "at night", "--in", gallery, "--recipe", out, "-f", "json")
    assert asked.code == 0, asked.err
    assert json.loads(asked.out)["recipe"] == "mine"


def test_the_same_seed_gives_the_same_file_and_json_says_all(tuned: Any, folder: Path) -> None:
    first, again = folder / "a.toml", folder / "b.toml"
    record = json.loads(tuned("--out", first, "--seed", "7", "-f", "json").out)[0]
    assert tuned("--out", again, "--seed", "7", "-f", "paths").out == f"{again}\n"
    assert first.read_bytes() == again.read_bytes()
    kept = {name: weight for name, weight in load_recipe(str(first)).grains.items() if weight}
    assert record["tuned"] == kept
    assert (record["searched"], record["seed"]) == ("first", 7)
    held_out = {row["n"] for row in record["scores"] if row["role"] == "held out"}
    searched = {row["n"] for row in record["scores"] if row["role"] == "searched"}
    assert next(iter(held_out)) + next(iter(searched)) == 12
    assert {one["n"] for one in record["differences"] if one["metric"] == "mAP@5"} == held_out
    assert record["settings_per_second"] > 0
    assert record["spreads"]["reference"] > 0


def test_a_search_stops_at_its_limit_and_goes_on_from_the_cache(tuned: Any, folder: Path) -> None:
    # A cache of its own, so that there is something to be asked.
    here = ("--out", folder / "limited.toml", "--cache", folder / "limited.sqlite")
    stopped = tuned(*here, "--max-calls", "4")
    assert stopped.code == 6
    assert "the budget is reached: 4 calls of --max-calls 4" in stopped.err
    assert not (folder / "limited.toml").exists()
    done = tuned(*here)
    assert done.code == 0, done.err
    made, cached = (
        sum(int(line.split(words)[0].split()[-1]) for line in done.err.splitlines() if words in line)
        for words in (" calls made", " from the cache")
    )
    assert (made > 8, cached) == (True, 4)


def test_the_second_half_may_be_searched(tuned: Any, folder: Path) -> None:
    done = tuned("--out", folder / "c.toml", "--half", "second", "-f", "csv")
    assert done.code == 0, done.err
    rows = [line for line in done.out.splitlines() if line.startswith("tuned,")]
    assert rows[0].startswith("tuned,second,searched,mAP@5")
    assert rows[1].startswith("tuned,first,held out,mAP@5")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--on", "mAP@55"), ("no metric 'mAP@55'", "'mAP@5'")),
        (("--half", "frist"), ("no half 'frist'", "'first'")),
        (("--recipe", "likbut"), ("no recipe 'likbut'", "'likebut'")),
        (("--recipe", "seize"), ("family 'increment'", "linear")),
        (("--recipe", "cirevl"), ("nothing to tune",)),
        (("--benchmark", "pokcet"), ("unknown benchmark", "'pocket'")),
        (("--out", "mine.json"), ("mine.json", ".toml")),
        (("--split", "seen"), ("no split 'seen'", "'unseen'")),
    ],
)
def test_a_wrong_name_is_one_line(
    tuned: Any, folder: Path, options: tuple[str, str], words: tuple[str, ...]
) -> None:
    before = sorted(folder.glob("*.toml")), sorted(folder.glob("*.index"))
    out = ("--out", folder / "never.toml") if "--out" not in options else ()
    assert_one_line(tuned(*out, *options), 2, *words)
    assert (sorted(folder.glob("*.toml")), sorted(folder.glob("*.index"))) == before


def test_the_recipe_that_is_tuned_is_not_overwritten(tuned: Any, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('description = "x"\n[grains]\nreference = 0.5\nmodification = 0.5\n')
    assert_one_line(tuned("--recipe", own, "--out", own), 2, "name another file")
    (tmp_path / "hand.toml").write_text('name = "hand"')
    assert_one_line(tuned("--out", tmp_path / "hand.toml"), 2, "was not tuned", "another file")
    assert (tmp_path / "hand.toml").read_text() == 'name = "hand"'
    own.write_text('description = "x"\ngrains = { reference = 0.5, modification = 0.5 }\n')
    assert_one_line(tuned("--recipe", own, "--out", tmp_path / "t.toml"), 2, "[grains]")
    assert not (tmp_path / "t.toml").exists()


def test_two_recipes_are_held_side_by_side(likebut: Run, tmp_path: Path) -> None:
    table = likebut("recipes", "diff", "pdv", "pdv@fashioniq-l14")
    assert table.code == 0
    assert "grains.reference" in table.out
    assert "0.4500" in table.out
    rows = json.loads(likebut("recipes", "diff", "cirevl", "likebut", "-f", "json").out)
    assert {"schema_version": 1, "key": "grains.modification", "a": None, "b": 1.5} in rows
    same = likebut("recipes", "diff", "likebut", "likebut")
    assert (same.code, same.out) == (0, "")
    assert "do not differ" in same.err
    assert json.loads(likebut("recipes", "diff", "likebut", "likebut", "-f", "json").out) == []
    assert_one_line(likebut("recipes", "diff", "likebut", "pvd"), 2, "'pdv'")
    assert_one_line(likebut("recipes", "diff", "pdv", "pdv@fashioniq-l1"), 2, "fashioniq-l14")
    assert_one_line(likebut("recipes", "diff", "pdv", tmp_path / "no.toml"), 2, "no.toml")


def feed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    data = io.BytesIO("".join(line + "\n" for line in lines).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))


def test_stdin_is_answered_line_by_line(
    likebut: Run, gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gallery)
    asked = '{"id": "x", "reference": "scene-00003.png", "modification": "at night"}'
    feed(monkeypatch, asked, "nope", '{"modification": "a red apple"}')
    done = likebut("batch", "-", "--in", gallery, "-k", "3")
    assert done.code == 5, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["query"]["id"] for row in rows] == ["x", "2", "3"]
    assert [len(row["ranking"]["hits"]) for row in rows] == [3, 0, 3]
    assert "standard input, line 2" in rows[1]["error"]
    assert "standard input, line 2" in done.err
    feed(monkeypatch, asked, "nope", asked)
    paths = likebut("batch", "-", "--in", gallery, "-k", "2", "--format", "paths")
    assert paths.code == 5
    first, bad, again = paths.out.splitlines()
    assert first == again == "\t".join(hit["path"] for hit in rows[0]["ranking"]["hits"][:2])
    assert bad == ""


def test_a_file_goes_to_stdout_and_is_refused_as_a_whole(
    likebut: Run, gallery: Path, tmp_path: Path
) -> None:
    done = likebut("batch", gallery / "queries.jsonl", "--in", gallery, "-k", "1")
    assert done.code == 0, done.err
    out = tmp_path / "out.jsonl"
    likebut("batch", gallery / "queries.jsonl", "--in", gallery, "-k", "1", "--out", out)
    streamed, kept = (
        [(row["query"], row["ranking"]) for row in map(json.loads, text.splitlines())]
        for text in (done.out, out.read_text())
    )
    assert streamed == kept
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"modification": "a red apple"}\nnope\n')
    assert_one_line(likebut("batch", bad, "--in", gallery), 3, "bad.jsonl, line 2")


def test_stdin_into_a_file_is_continued(
    likebut: Run, gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.jsonl"
    lines = ['{"id": "1", "modification": "an apple"}', '{"id": "2", "modification": "a cat"}']
    for told, number in (("1 answered, 0 already", 1), ("1 answered, 1 already", 2)):
        feed(monkeypatch, *lines[:number])
        assert told in likebut("batch", "-", "--in", gallery, "--out", out).err
    assert len(out.read_text().splitlines()) == 2
    assert_one_line(likebut("batch", "-", "--in", gallery, "--out", out, "-f", "paths"), 2, "stdout")
    assert likebut("batch", "-", "--in", gallery, "-f", "csv").code == 2


@pytest.mark.parametrize("command", [("tune",), ("recipes", "diff"), ("batch",)])
def test_the_commands_teach_by_example(likebut: Run, command: tuple[str, ...]) -> None:
    outcome = likebut(*command, "--help")
    assert outcome.code == 0
    assert "Example" in outcome.out
