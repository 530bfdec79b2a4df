"""`cache list|export|import|prune` as a person uses them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines.contract import EngineSpec
from tests.pipeline.asking.sharing.test_transfer import put, question
from tests.pipeline.cli.conftest import Outcome, Run
from tests.pipeline.cli.test_bad_input import assert_one_line


@pytest.fixture
def asked(likebut: Run, gallery: Path, reference: Path, own_cache: Path) -> Outcome:
    """A query whose answers are in the cache."""
    return likebut("query", reference, "at night", "--in", gallery, "-f", "json")


def test_answers_move_to_another_cache_and_are_used_there(
    likebut: Run, gallery: Path, reference: Path, asked: Outcome, tmp_path: Path
) -> None:
    pack, there = tmp_path / "answers.jsonl.zst", tmp_path / "there.sqlite"
    assert "2 answers written" in likebut("cache", "export", pack).err
    assert "2 new answers" in likebut("cache", "import", pack, "--cache", there).err
    again = likebut("query", reference, "at night", "--in", gallery, "-f", "json", "--cache", there)
    exchanges = json.loads(again.out)["exchanges"]
    assert [exchange["reply"]["cached"] for exchange in exchanges] == [True, True]
    assert json.loads(again.out)["intent"] == json.loads(asked.out)["intent"]


def test_the_list_names_model_revision_and_tokens(likebut: Run, asked: Outcome) -> None:
    rows = json.loads(likebut("cache", "list", "-f", "json").out)
    assert [row["model"] for row in rows] == ["pocket:captioner", "pocket:reasoner"]
    assert all(len(row["revision"]) == 64 for row in rows)
    assert rows[1]["answers"] == 1
    assert rows[1]["reply tokens"] > 10
    assert likebut("cache", "list", "-f", "csv").out.startswith("model,revision,answers,bytes,")


def test_answers_go_through_a_pipe(
    likebut: Run, asked: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = tmp_path / "a.jsonl"
    likebut("cache", "export", pack)
    there = tmp_path / "there.sqlite"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(pack.read_bytes()))))
    assert "2 new answers" in likebut("cache", "import", "-", "--cache", there).err
    assert likebut("cache", "export", "-", "--cache", there).out == pack.read_text()


def test_a_damaged_file_is_one_line_and_the_rest_of_it_can_be_had(
    likebut: Run, asked: Outcome, tmp_path: Path
) -> None:
    pack, there = tmp_path / "a.jsonl", tmp_path / "there.sqlite"
    likebut("cache", "export", pack)
    lines = pack.read_text().splitlines()
    pack.write_text("\n".join([lines[0], lines[1][:200], *lines[2:]]))
    assert_one_line(likebut("cache", "import", pack, "--cache", there), 3, "line 2", "--keep-good")
    outcome = likebut("cache", "import", pack, "--cache", there, "--keep-good")
    assert outcome.code == 5
    assert "1 new answers" in outcome.err
    assert "line 2 was not taken: not a line of JSON" in outcome.err


def test_prune_says_what_would_go_and_what_went(likebut: Run, asked: Outcome) -> None:
    assert_one_line(likebut("cache", "prune"), 2, "--model")
    assert_one_line(likebut("cache", "prune", "--model", "pocket:reasonr"), 2, "pocket:reasoner")
    ask = ("cache", "prune", "--model", "pocket:reasoner")
    assert "1 answers and 0 vectors would go" in likebut(*ask, "--dry-run").err
    assert "1 answers and 0 vectors went" in likebut(*ask).err
    assert len(json.loads(likebut("cache", "list", "-f", "json").out)) == 1


def test_answers_of_a_hub_model_that_is_not_here_come_with_the_way_to_use_them(
    likebut: Run, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    asked = question("a", engine="transformers", model="org/name", revision="c" * 40)
    with Cache(own_cache) as cache:
        put(cache, asked, "an answer")
    likebut("cache", "export", tmp_path / "a")
    there = ("--cache", tmp_path / "there.sqlite")
    assert f'revision = "{"c" * 40}"' in likebut("cache", "import", tmp_path / "a", *there).err
    with Cache(tmp_path / "there.sqlite") as cache:  # as the line says: no model, and the answer
        spec = EngineSpec("transformers", "org/name", "c" * 40)
        assert CachedEngine(spec, cache).revision == "c" * 40


def test_a_cache_that_is_not_there_is_named(likebut: Run, tmp_path: Path) -> None:
    for command in ("list", "export", "prune"):
        words = {"export": [tmp_path / "a"], "prune": ["--unfinished"]}.get(command, [])
        assert_one_line(likebut("cache", command, *words), 3, "no cache at")
    assert not (tmp_path / "a").exists()


def test_pruning_a_cache_that_another_process_holds_ends_with_a_code_of_its_own(
    likebut: Run, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    from likebut.pipeline.asking.cachefile import opening

    monkeypatch.setattr(opening, "WAIT", 0.2)
    with Cache(own_cache) as cache:
        put(cache, question("a"), "b")
    other = sqlite3.connect(own_cache, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    found = likebut("cache", "prune", "--unfinished")
    other.close()
    assert found.code == 7
    assert "is held by another process" in found.err
    assert "delete" not in found.err
