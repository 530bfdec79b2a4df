"""What commands write never takes the place of what is not theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from likebut.pipeline.asking.ledger import Ledger, Spending
from likebut.pipeline.batch.run import run_batch, unanswered
from likebut.pipeline.benchmarks import submissions
from likebut.pipeline.cli.show import copy_hits
from likebut.pipeline.config.text import write as write_recipe
from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.machine.outputs import replacing, write_at_once
from likebut.pipeline.records.trace import Description, Hit, Intent, Query, Ranking, Trace
from likebut.pipeline.report.pages import check_page
from likebut.pipeline.report.query_report import write_query_report


def trace(*paths: Path) -> Trace:
    hits = tuple(Hit(n, n - 1, p.name, str(p), 0.5, {}) for n, p in enumerate(paths, 1))
    return Trace(Query("q", None, "at night"), "r", "p", Description(), Intent(""), (), Ranking(hits))


def test_a_file_takes_its_place_whole_and_keeps_its_rights(tmp_path: Path) -> None:
    place = tmp_path / "a.json"
    place.write_text("old")
    place.chmod(0o640)
    (tmp_path / "a.tmp").write_text("mine")

    def torn() -> None:
        with replacing(place) as fresh:
            fresh.write_text("torn")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        torn()
    assert place.read_text() == "old"
    with replacing(place) as fresh:
        fresh.write_text("new")
    assert (place.read_text(), place.stat().st_mode & 0o777) == ("new", 0o640)
    assert sorted(os.listdir(tmp_path)) == ["a.json", "a.tmp"]


def test_a_file_of_our_own_is_written_whole_or_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "about.json"
    for data in (b"one", b"", b"two" * 1_000_000):
        written = write_at_once(path, data)
        assert path.read_bytes() == data
        assert path.stat().st_mtime_ns == written

    def full(file: int, data: memoryview) -> int:
        raise OSError("no room")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="no room"):
        write_at_once(path, b"three")
    assert path.read_bytes() == b"two" * 1_000_000
    assert list(tmp_path.iterdir()) == [path]


def test_a_tuned_recipe_leaves_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "mine.tmp").write_text("mine")
    write_recipe(tmp_path / "mine.toml", "a = 1\n")
    assert (tmp_path / "mine.tmp").read_text() == "mine"


@pytest.mark.parametrize(
    "content",
    ["my notes\nand more\n", "my notes, without an end", '{"id": "1", "reference": "a.png"}\n', "{"],
)
def test_answers_are_not_written_into_a_file_of_something_else(tmp_path: Path, content: str) -> None:
    out = tmp_path / "notes.txt"
    out.write_text(content)
    query = Query("1", None, "at night")
    if content == "{":  # so may an answer begin that a kill tore
        assert unanswered([query], out) == [query]
        return
    with pytest.raises(InputError, match=r"notes.txt, line 1: not an answer"):
        run_batch([query], out, None)  # type: ignore[arg-type]
    assert out.read_text() == content


def test_spending_is_not_written_into_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "x.spending.jsonl"
    path.write_text("my notes, without an end")
    with pytest.raises(InputError, match="not a record of spending"):
        Ledger(path)
    path.write_bytes(Spending("m", "k").to_line()[:-9])
    Ledger(path).add([Spending("m", "k")])
    assert path.read_bytes() == Spending("m", "k").to_line()


def test_a_report_takes_the_place_of_a_report_only(tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    write_query_report([trace()], out, title="one")
    write_query_report([trace()], out, title="two")
    assert "<title>two" in out.read_text()
    for content in ("<!doctype html><p>my page", "", "\x89PNG"):
        out.write_text(content)
        if content:
            with pytest.raises(ConfigError, match="is no report"):
                write_query_report([trace()], out, title="three")
            assert out.read_text() == content
        else:
            check_page(out)


def test_copies_of_hits_replace_nothing(tmp_path: Path) -> None:
    hits = [tmp_path / "a.png", tmp_path / "b.png"]
    for hit in hits:
        hit.write_text(hit.name)
    copy_hits(trace(*hits), tmp_path / "to")
    copy_hits(trace(*hits), tmp_path / "to")
    hits[1].write_text("another")
    (tmp_path / "c.png").write_text("c")
    with pytest.raises(InputError, match=r"002-b.png is there already"):
        copy_hits(trace(tmp_path / "c.png", hits[1]), tmp_path / "to")
    assert sorted(os.listdir(tmp_path / "to")) == ["001-a.png", "002-b.png"]
    assert (tmp_path / "to" / "002-b.png").read_text() == "b.png"


def test_a_submission_takes_the_place_of_a_submission_only(tmp_path: Path) -> None:
    submissions.check_free("circo", tmp_path)
    (tmp_path / "circo.json").write_text('{"1": [2, 3]}')
    submissions.check_free("circo", tmp_path)
    (tmp_path / "circo.json").write_text('["my photos"]')
    with pytest.raises(ConfigError, match="is no submission"):
        submissions.check_free("circo", tmp_path)
