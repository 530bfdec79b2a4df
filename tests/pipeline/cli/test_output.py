"""Output: five formats on stdout, one line per message on stderr, whatever a name holds."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import pty
import subprocess
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from likebut.pipeline.cli import output
from likebut.pipeline.cli.output import Format, say_error, write_rows

ROWS = [
    {"rank": 1, "score": 0.98765, "path": "a b.png"},
    {"rank": 2, "score": 0.5, "path": 'new\nline "q".png'},
]


def test_json_and_jsonl_give_the_rows_back_each_with_its_version(
    capsys: pytest.CaptureFixture[str],
) -> None:
    versioned = [{"schema_version": 1, **row} for row in ROWS]
    write_rows(ROWS, Format.json)
    assert json.loads(capsys.readouterr().out) == versioned
    write_rows(ROWS, Format.jsonl)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == versioned


def test_csv_quotes_what_needs_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(ROWS, Format.csv, ["rank", "path"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[1] == {"rank": "2", "path": 'new\nline "q".png'}


def test_a_table_shows_control_characters_instead_of_obeying_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_rows(ROWS, Format.table)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "0.9877" in lines[1]
    assert r"new\nline" in lines[2]


def test_a_table_takes_surrogates_of_names_that_are_not_utf8(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows([{"path": os.fsdecode(b"bad\xff.png"), "score": None}], Format.table)
    assert r"bad\udcff.png" in capsys.readouterr().out


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-999, 99_999),
    st.floats(-9, 9),
    st.text(max_size=12),
    st.sampled_from(
        ["", " a b ", "日本語", "e\u0301", "👨\u200d👩\u200d👧", "[bold]x[/bold]", "\udce9", "z" * 200]
    ),
)


@settings(max_examples=100)
@given(
    columns=st.lists(st.sampled_from(["rank", "score", "path", "Straße", "数"]), min_size=1, unique=True),
    data=st.data(),
)
def test_a_pipe_gets_to_the_last_byte_what_rich_would_write(
    columns: list[str], data: st.DataObject
) -> None:
    one = st.dictionaries(st.sampled_from(columns), CELLS)
    rows = data.draw(st.lists(one, max_size=4))
    written = []
    for styled in (True, False):
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
            patch.setattr(output, "_is_styled", lambda styled=styled: styled)
            output.write_table(rows, columns)
        written.append(out.getvalue())
    assert written[1] == written[0]


def test_a_table_in_a_pipe_needs_no_package() -> None:
    code = (
        "import sys\nfrom likebut.pipeline.cli.output import write_table\n"
        "write_table([{'rank': 1, 'path': 'a.png'}], ['rank', 'path'])\n"
        "print('rich' in sys.modules)"
    )
    words, root = [sys.executable, "-c", code], Path(__file__).parents[3]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "rank  path \n   1  a.png\nFalse\n"


def test_an_error_is_one_line_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    say_error("no picture at a\nb.png", "check the name")
    captured = capsys.readouterr()
    assert captured.err == "error: no picture at a\\nb.png — check the name\n"
    assert captured.out == ""


def test_progress_is_silent_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress("indexing") as advance:
        advance(1, 10)
    assert capsys.readouterr().err == ""


def test_progress_shows_in_a_terminal_after_two_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    leader, follower = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    clock = iter([0.0, 1.0, 3.0, 3.0])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock, 3.0))
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with output.progress("indexing") as advance:
            advance(1, 10)
            advance(2, 10)
    shown = b""
    with suppress(OSError):  # of a terminal whose other end is closed, once all is read
        while part := os.read(leader, 65536):
            shown += part
    os.close(leader)
    assert b"indexing" in shown
    assert b"2/10" in shown


def test_what_the_parts_below_tell_is_said_once_whoever_else_logs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from likebut.pipeline.cli.output import hear_notices

    loud = logging.StreamHandler()  # as packages set it up that are loaded with a model
    logging.getLogger().addHandler(loud)
    try:
        hear_notices()
        hear_notices()
        logging.getLogger("likebut.indexes.lock").warning("%s: waiting for it", "busy")
    finally:
        logging.getLogger().removeHandler(loud)
    assert capsys.readouterr().err == "busy: waiting for it\n"
