"""Streams: each line is answered as it comes, in order, and a bad one kills nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from likebut.pipeline.batch.stream import stream
from tests.pipeline.colours import colour_composer


def line(ident: str, reference: str = "gallery/red.png") -> bytes:
    return json.dumps({"id": ident, "reference": reference, "modification": "blue"}).encode()


def test_answers_come_in_the_order_of_the_lines(tmp_path: Path) -> None:
    lines = [line(str(n)) for n in range(70)]
    traces = list(stream(lines, tmp_path, "stdin", colour_composer(tmp_path), k=2))
    assert [trace.query.id for trace in traces] == [str(n) for n in range(70)]
    assert all(trace.ranking.hits[0].id == "blue.png" for trace in traces)
    assert {len(trace.ranking.hits) for trace in traces} == {2}


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (b"nope", "line 2: not a query: Expecting value"),
        (b"7", "line 2: not a query"),
        (b"\xff\xff", "line 2: not a query: 'utf-8'"),
        (b'{"reference": ["a"]}', "line 2: not a query"),
        (b'{"reference": "a\\u0000b"}', "null character"),
        (b'{"modification": "\\ud800"}', "surrogates"),
        (b"[" * 100_000, "line 2: not a query"),
        (b'{"id": "2", "reference": "gone.png", "modification": "x"}', "gone.png"),
        (b'{"id": "2"}', "neither a reference nor a modification"),
    ],
)
def test_a_bad_line_is_answered_with_its_number_and_the_rest_goes_on(
    tmp_path: Path, bad: bytes, complaint: str
) -> None:
    lines = [line("1"), bad, b"", line("4")]
    traces = list(stream(lines, tmp_path, "stdin", colour_composer(tmp_path)))
    assert [trace.query.id for trace in traces] == ["1", "2", "4"]
    assert complaint in traces[1].error
    assert not traces[0].error
    assert not traces[2].error
    assert traces[2].ranking.hits


def test_a_line_is_answered_before_the_next_one_is_written(tmp_path: Path) -> None:
    answered = threading.Event()

    def conversation() -> Iterator[bytes]:
        yield line("1")
        assert answered.wait(60), "the first line was not answered while the second was awaited"
        yield line("2")

    seen = []
    for trace in stream(conversation(), tmp_path, "stdin", colour_composer(tmp_path)):
        seen.append(trace.query.id)
        answered.set()
    assert seen == ["1", "2"]


def test_a_stream_that_breaks_is_told_after_the_answers_before_it(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield line("1")
        raise OSError("the pipe is gone")

    answers = stream(broken(), tmp_path, "stdin", colour_composer(tmp_path))
    assert next(answers).query.id == "1"
    with pytest.raises(OSError, match="the pipe is gone"):
        next(answers)


def test_no_line_gives_no_answer(tmp_path: Path) -> None:
    assert list(stream([], tmp_path, "stdin", colour_composer(tmp_path))) == []
