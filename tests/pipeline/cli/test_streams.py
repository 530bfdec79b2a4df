"""Streams that are closed or full, names and words in any encoding, Ctrl-C at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.cli.conftest import Run
from tests.pipeline.cli.test_bad_input import assert_one_line

ROOT = Path(__file__).parents[3]
SHOW = f"exec {sys.executable} run.py recipes show cirevl"


def shell(command: str, **changes: str) -> subprocess.CompletedProcess[bytes]:
    variables = {**os.environ, **changes}
    return subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env=variables, capture_output=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("stdout", "code", "words"),
    [
        (">/dev/full", 3, b"error: cannot use the output: No space left"),
        (">&-", 3, b"error: cannot use the output: Bad file descriptor"),
        ("2>&-", 0, b""),
        (">&- 2>&-", 3, b""),
    ],
)
def test_a_stream_that_takes_nothing_is_one_line(stdout: str, code: int, words: bytes) -> None:
    done = shell(f"{SHOW} {stdout}")
    assert done.returncode == code
    assert done.stderr.startswith(words)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = shell(f"({SHOW.removeprefix('exec ')}; echo $? >&2) | head -1")
    assert done.stdout.startswith(b"# CIReVL")
    assert done.stderr == b"0\n"


def test_a_locale_without_an_encoding_costs_a_sign_and_not_the_program(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('description = "snow ☃"\n[grains]\nreference = 1.0\n', encoding="utf-8")
    command = f"exec {sys.executable} run.py recipes diff cirevl {own}"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"}
    done = shell(command, **plain)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("delay", [0.01, 0.05, 0.1, 0.2, 0.4])
def test_ctrl_c_leaves_no_traceback_whenever_it_comes(delay: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "run.py", "prompts", "list"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    # Before Python hears signals, the kernel ends it; after the last line there is nothing left to end.
    # Python itself may be interrupted before our first line: no file of ours is in that traceback.
    assert process.returncode in (130, -signal.SIGINT, 0, 1)
    assert b"pipeline" not in err.replace(b"error: interrupted", b"")


def test_a_sentence_that_is_no_text_is_told(likebut: Run, gallery: Path, reference: Path) -> None:
    outcome = likebut("query", reference, "at \udcff night", "--in", gallery)
    assert_one_line(outcome, 2, "the modification is not UTF-8")
    outcome = likebut("query", "--text", "a \udcff", "--in", gallery)
    assert_one_line(outcome, 2, "--text is not UTF-8")


@pytest.mark.parametrize(("option", "words"), [("--report", "is a folder"), ("--copy-to", "is no folder")])
def test_an_output_that_cannot_be_is_told_before_any_model_runs(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path, option: str, words: str
) -> None:
    place = tmp_path if option == "--report" else reference
    outcome = likebut("query", reference, "at night", "--in", gallery, option, place)
    assert_one_line(outcome, 2, words)


def test_a_run_folder_that_is_a_file_is_told(likebut: Run, tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("mine")
    outcome = likebut("eval", "pocket", "--data", tmp_path / "bench", "--out", place)
    assert_one_line(outcome, 2, "is no folder")
    assert place.read_text() == "mine"
