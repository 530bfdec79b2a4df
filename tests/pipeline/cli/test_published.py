"""`cache import --as`: published captions and rewrites are found by the queries they belong to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from likebut.pipeline.errors import EXIT_PARTIAL, ConfigError, InputError
from tests.pipeline.cli.conftest import Run


@pytest.fixture
def pictures(drawn: Path, tmp_path: Path) -> Path:
    """A small gallery of its own."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for picture in sorted(drawn.glob("*.png"))[:12]:
        shutil.copy(picture, folder)
    return folder


def written(path: Path, texts: object) -> Path:
    path.write_text(json.dumps(texts))
    return path


def test_a_query_finds_what_was_published_and_asks_no_model(
    likebut: Run, pictures: Path, tmp_path: Path
) -> None:
    cache = ("--cache", tmp_path / "c.sqlite")
    reference = sorted(pictures.glob("*.png"))[0]
    captions = written(tmp_path / "captions.json", {reference.name: "one large red cat"})
    asked = tmp_path / "q.jsonl"
    asked.write_text(
        json.dumps({"id": "7", "reference": str(reference), "modification": "make it blue"}) + "\n"
    )
    rewrites = tmp_path / "rewrites.jsonl"
    rewrites.write_text(json.dumps({"id": "7", "target_caption": "one large blue cat"}) + "\n")
    command = ("cache", "import", captions, "--as", "captions", "--in", pictures, *cache)
    assert "1 new answers, 0 were here already" in likebut(*command).err
    assert "0 new answers, 1 were here already" in likebut(*command).err
    told = likebut("cache", "import", rewrites, "--as", "rewrites", "--queries", asked, *cache)
    assert told.code == 0, told.err
    assert "1 new answers" in told.err
    plan = likebut("batch", asked, "--in", pictures, "-r", "cirevl", "--dry-run", "-f", "jsonl", *cache)
    assert [json.loads(line)["to_make"] for line in plan.out.splitlines()] == [0, 0]
    done = likebut("batch", asked, "--in", pictures, "-r", "cirevl", "--max-calls", "0", *cache)
    trace = json.loads(done.out)
    assert trace["captions"] == ["one large red cat"]
    assert trace["intent"]["target_caption"] == "one large blue cat"
    served = [exchange["reply"]["served"] for exchange in trace["exchanges"]]
    assert served == ["imported from captions.json", "imported from rewrites.jsonl"]


def test_what_was_answered_before_stays(likebut: Run, pictures: Path, tmp_path: Path) -> None:
    cache = ("--cache", tmp_path / "c.sqlite")
    reference = sorted(pictures.glob("*.png"))[0]
    ask = ("query", reference, "at night", "--in", pictures, "-r", "cirevl", "-f", "json", *cache)
    before = json.loads(likebut(*ask).out)["captions"]
    captions = written(tmp_path / "captions.json", {reference.name: "something else"})
    done = likebut("cache", "import", captions, "--as", "captions", "--in", pictures, *cache)
    assert "0 new answers, 1 were here already" in done.err
    assert json.loads(likebut(*ask).out)["captions"] == before


def test_names_that_fit_nothing_are_told_and_the_rest_is_taken(
    likebut: Run, pictures: Path, tmp_path: Path
) -> None:
    stem = min(pictures.glob("*.png")).stem
    captions = written(tmp_path / "c.json", {stem: "a cat", "lost": "a dog"})
    done = likebut(
        "cache", "import", captions, "--as", "captions", "--in", pictures, "--cache", tmp_path / "c"
    )
    assert done.code == EXIT_PARTIAL
    assert "1 new answers" in done.err
    assert "lost was not taken" in done.err


@pytest.mark.parametrize(
    ("more", "error", "why"),
    [
        (("--as", "captions"), ConfigError, "whose captions?"),
        (("--as", "rewrites"), ConfigError, "whose rewrites?"),
        (("--as", "captions", "--benchmark", "cirr"), ConfigError, "go together"),
        (("--as", "captions", "--in", "PICTURES", "-r", "text-only"), ConfigError, "asks for no caption"),
        (("--as", "captions", "--in", "PICTURES", "-r", "ldre"), InputError, "asks for 15"),
        (("--as", "rewrites", "--queries", "QUERIES", "-r", "cotmr"), ConfigError, "one question"),
        (("--as", "rewrites", "--queries", "QUERIES"), InputError, "import them first"),
    ],
)
def test_what_cannot_be_taken_is_one_line(
    likebut: Run, pictures: Path, tmp_path: Path, more: tuple[str, ...], error: type, why: str
) -> None:
    reference = min(pictures.glob("*.png"))
    queries = tmp_path / "q.jsonl"
    queries.write_text(json.dumps({"id": "1", "reference": str(reference), "modification": "x"}))
    texts = written(tmp_path / "t.json", {reference.name: "a cat", "1": "a blue cat"})
    stand_for = {"PICTURES": str(pictures), "QUERIES": str(queries)}
    given = [stand_for.get(word, word) for word in more]
    outcome = likebut("cache", "import", texts, *given, "--cache", tmp_path / "c.sqlite")
    assert outcome.code == error.exit_code, outcome.err  # type: ignore[attr-defined]
    assert why in outcome.err
    assert len([line for line in outcome.err.splitlines() if line.startswith("error")]) == 1


def test_one_missing_caption_takes_no_rewrite_at_all(likebut: Run, pictures: Path, tmp_path: Path) -> None:
    cache = ("--cache", tmp_path / "c.sqlite")
    first, second = sorted(pictures.glob("*.png"))[:2]
    captions = written(tmp_path / "captions.json", {first.name: "a cat"})
    likebut("cache", "import", captions, "--as", "captions", "--in", pictures, *cache)
    queries = tmp_path / "q.jsonl"
    queries.write_text(
        "".join(
            json.dumps({"id": str(n), "reference": str(picture), "modification": "x"}) + "\n"
            for n, picture in enumerate((first, second))
        )
    )
    rewrites = written(tmp_path / "rewrites.json", {"0": "a dog", "1": "a bird"})
    command = ("cache", "import", rewrites, "--as", "rewrites", "--queries", queries, *cache)
    assert "import them first" in likebut(*command).err
    rows = json.loads(likebut("cache", "list", "-f", "json", *cache).out)
    assert [(row["model"], row["answers"]) for row in rows] == [("pocket:captioner", 1)]
