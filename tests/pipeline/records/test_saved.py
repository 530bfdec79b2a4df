"""Queries of files that likebut has written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from likebut.pipeline.benchmarks.records import Case
from likebut.pipeline.errors import InputError
from likebut.pipeline.evaluation.runs import Result
from likebut.pipeline.records.saved import read_saved
from likebut.pipeline.records.trace import Description, Intent, Query, Trace
from likebut.pipeline.records.traces import intent_to_json, trace_to_json
from tests.pipeline.colours import colour_composer

INTENT = Intent(
    "a blue square",
    "red becomes blue",
    {"desired": ("blue",), "preserved": ("square",), "forbidden": ("red",)},
)


def trace(tmp_path: Path, ident: str) -> dict[str, object]:
    query = Query(ident, tmp_path / "gallery" / "red.png", "make it blue")
    return trace_to_json(colour_composer(tmp_path).compose([query], 1)[0])


def test_a_trace_alone_or_among_others_is_read(tmp_path: Path) -> None:
    one, two = trace(tmp_path, "1"), trace(tmp_path, "2")
    path = tmp_path / "t.json"
    path.write_text(json.dumps(one, indent=2))
    reference = tmp_path / "gallery" / "red.png"
    expected = Trace(
        Query("1", reference, "make it blue"),
        "likebut@pocket",
        "test",
        Description(("a square of one colour",)),
        INTENT,
    )
    assert read_saved(path) == expected
    path.write_text(json.dumps({"before": one, "after": one}))
    assert read_saved(path) == expected
    path.write_text(f"{json.dumps(one)}\n{json.dumps(two)}\n")
    assert read_saved(path, "2").query.id == "2"
    with pytest.raises(InputError, match="holds 2 queries"):
        read_saved(path)
    with pytest.raises(InputError, match="no query '3'"):
        read_saved(path, "3")


def test_the_result_of_a_run_is_read(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    result = Result(Case("q1", "red.png", "make it blue"), captions=("c",), intent=intent_to_json(INTENT))
    failed = Result(Case("q2", "red.png", "x"), error="no answer")
    path.write_text(result.to_line() + failed.to_line())
    assert read_saved(path, "q1") == Trace(
        Query("q1", Path("red.png"), "make it blue"), "", "", Description(("c",)), INTENT
    )
    assert read_saved(path, "q2").intent == Intent("")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no query"),
        (b"hello", "line 1 is no JSON"),
        (b"[1]", "no trace"),
        (b'{"query": 7}', "no trace"),
        (b'{"query": {"id": 1}}\n', "no trace"),
        (b"\xff\xfe", "cannot read"),
    ],
)
def test_another_file_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_saved(path)
    with pytest.raises(InputError, match="cannot read"):
        read_saved(tmp_path / "none")
