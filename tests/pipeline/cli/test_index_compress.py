"""`index compress` as a person meets it: made, used by queries, told of, refused in one line, dropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from likebut.indexes import approximate, compressed
from tests.pipeline.cli.conftest import Run

pytest.importorskip("faiss", "1.15", reason="compressed forms need a newer faiss")

ASKED = ("query", "--text", "a red apple", "-r", "text-only", "-k", "5", "-f", "json")


@pytest.fixture
def index(likebut: Run, gallery: Path, tmp_path: Path) -> Path:
    out = tmp_path / "gallery.index"
    assert likebut("index", "build", gallery, "--out", out).code == 0
    return out


def hits(likebut: Run, *arguments: str | Path) -> list[Any]:
    asked = likebut(*ASKED, *arguments)
    assert asked.code == 0, asked.err
    return [(hit["id"], hit["score"]) for hit in json.loads(asked.out)["ranking"]["hits"]]


def test_it_is_made_used_told_of_and_dropped(
    likebut: Run, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hits(likebut, "--index", index)
    made = likebut("index", "compress", index, "--recall", "0.9")
    assert made.code == 0, made.err
    assert "recall@10" in made.err
    assert "exact search is quick up to 1,000,000 rows" in made.err
    (facts,) = json.loads(likebut("index", "info", index, "-f", "json").out)
    assert facts["compressed"] == "fits the rows"
    assert facts["compressed_recall"] >= 0.9
    assert likebut("index", "verify", index).code == 0

    used: list[int] = []
    found = compressed.Compressed.shortlists

    def shortlists(*given: Any) -> Any:
        used.append(1)
        return found(*given)

    monkeypatch.setattr(compressed.Compressed, "shortlists", shortlists)
    monkeypatch.setattr(approximate.Approximate.__init__, "__defaults__", (0,))
    assert set(hits(likebut, "--index", index)) == set(before)
    assert used
    used.clear()
    assert hits(likebut, "--index", index, "--exact") == before
    assert not used

    assert "the compressed form is gone" in likebut("index", "compress", index, "--drop").err
    assert "it has none" in likebut("index", "compress", index, "--drop").err
    assert hits(likebut, "--index", index) == before
    assert not used


def test_what_cannot_be_done_is_one_line(likebut: Run, index: Path, tmp_path: Path) -> None:
    refused = likebut("index", "compress", index, "--kind", "zip")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "no kind 'zip' of compressed forms" in refused.err
    assert "for example --recall 0.99" in likebut("index", "compress", index, "--recall", "99").err
    missing = likebut("index", "compress", tmp_path / "nothing")
    assert missing.code == 3
    assert "no index in" in missing.err


def test_a_form_of_earlier_rows_is_told_and_the_answer_right(likebut: Run, index: Path) -> None:
    before = hits(likebut, "--index", index)
    assert likebut("index", "compress", index).code == 0
    manifest = index / "compressed" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"pq"', '"abc"').replace('"hnsw"', '"abcd"'))
    assert hits(likebut, "--index", index) == before
    assert likebut("index", "verify", index).code == 3


def test_a_family_that_looks_at_every_row_says_so(likebut: Run, index: Path) -> None:
    assert likebut("index", "compress", index).code == 0
    asked = likebut("query", "--text", "a red apple", "-r", "basic", "--index", index)
    assert "every row is looked at, not the compressed form" in asked.err
