"""One way of reading JSON lines: a line feed ends a line, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.asking.sharing.files import read_lines as shared_lines
from likebut.pipeline.benchmarks import jsonl
from likebut.pipeline.benchmarks.captions import read_captions
from likebut.pipeline.config.text import rewritten
from likebut.pipeline.errors import InputError
from likebut.pipeline.records import saved
from likebut.pipeline.records.lines import numbered, read_lines, split, without_mark
from likebut.pipeline.records.queries import parse_queries, read_queries

ODD = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg"
MARK = "\ufeff"


@pytest.fixture(params=["", MARK], ids=["plain", "marked"])
def lines(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Path]:
    """A file of two records, whose texts hold what Python takes for ends of lines."""

    def _write(**record: Any) -> Path:
        place = tmp_path / "q.jsonl"
        texts = [json.dumps({"id": n, **record}, ensure_ascii=False) for n in ("1", "2")]
        place.write_bytes((request.param + texts[0] + "\r\n\n" + texts[1]).encode())
        return place

    return _write


def test_lines_end_at_line_feeds_alone(lines: Callable[..., Path]) -> None:
    assert [number for number, _ in read_lines(lines(a=ODD))] == [1, 3]
    assert list(numbered(split(f"{ODD}\n\nb\r\n"))) == [(1, ODD), (3, "b")]
    assert list(without_mark([MARK.encode() + b"a", MARK.encode()])) == [b"a", MARK.encode()]


def test_queries_are_read_so_from_a_file_a_stream_and_a_benchmark(lines: Callable[..., Path]) -> None:
    path = lines(reference="a.png", modification=ODD, targets=["b.png"])
    with path.open("rb") as stream:
        streamed = parse_queries(stream, Path(), "stdin")
    cases = jsonl.load(path, annotations_only=True).cases
    found = [[one.modification for one in part] for part in (streamed, read_queries(path), cases)]
    assert found == [[ODD, ODD]] * 3
    assert [json.loads(line)["id"] for line in shared_lines(path) if line] == ["1", "2"]


def test_captions_are_read_so(lines: Callable[..., Path]) -> None:
    kept = read_captions(lines(captions=[ODD]))
    assert list(kept) == ["1", "2"]
    assert kept["1"][0].startswith("a\u2028b")


def test_saved_traces_are_read_so(lines: Callable[..., Path]) -> None:
    query = {"id": "7", "reference": None, "modification": ODD}
    path = lines(query=query, captions=[ODD], intent=None)
    assert saved.read_saved(path, "7").query.modification == ODD


def test_what_is_no_text_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot read the queries in"):
        read_lines(tmp_path / "x", "the queries")
    with pytest.raises(InputError, match="cannot read"):
        read_lines(tmp_path / "none")


def test_a_recipe_keeps_such_characters() -> None:
    text = 'name = "x"\ndescription = "a\u2028b"\nweights_from = "w"\n\n[grains]\nreference = 1.0\n'
    assert "a\u2028b" in rewritten(text, {"grains": {"reference": 2.0}}, "new")
