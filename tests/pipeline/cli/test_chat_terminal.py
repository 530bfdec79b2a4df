"""`chat` in a terminal, typed into: editing, completion, Ctrl-C, Ctrl-D, signals, and what is kept."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.cli import chat_editor
from likebut.pipeline.cli.chat_editor import history
from likebut.pipeline.cli.chat_lines import interruptible
from tests.pipeline.cli.conftest import Run
from tests.pipeline.cli.terminal import Terminal

READY = "\x1b[?2004h"  # the line editor begins to read
PLAIN = "but> "


@pytest.fixture
def indexed(likebut: Run, gallery: Path, reference: Path) -> Path:
    """The drawn gallery, with the answers of one dialogue cached."""
    likebut("query", reference, "at night", "--in", gallery, "-k", "1")
    return gallery


def opened(indexed: Path, *arguments: str | Path, **environ: str) -> Terminal:
    chosen = arguments or (indexed / "scene-00003.png", "--no-pictures")
    terminal = Terminal("chat", *chosen, "--in", indexed, "-k", "3", **environ)
    terminal.until(PLAIN if environ.get("TERM") == "dumb" else READY)
    return terminal


def kept(place: Path) -> list[dict[str, Any]]:
    record = json.loads((place / "last-session.json").read_text())
    return [turn["step"] for turn in record["turns"]]


def test_a_session_is_typed_completed_undone_interrupted_and_kept(indexed: Path, own_cache: Path) -> None:
    terminal = opened(indexed)
    terminal.type("at night\r")
    assert "turn 2: " in terminal.until(READY)
    terminal.type(":wei\t")
    terminal.until("ght")
    terminal.type(" refer\t")
    terminal.until("ence=")
    terminal.type("0.5\r")
    assert "turn 3: " in terminal.until("scene-")
    terminal.until(READY)
    terminal.type("not this\x03")
    terminal.until(READY)
    terminal.type(":undo\r")
    assert "turn 2: " in terminal.until("scene-")
    terminal.until(READY)
    terminal.type(":pick 2\r")
    terminal.until("the next sentence is about it")
    terminal.until(".png, but>")
    terminal.type("\x04")
    shown = terminal.end()
    place = own_cache.parent / "last-session.json"
    assert f"the session is kept: likebut chat --session {place} --in {indexed}" in shown
    assert terminal.process.returncode == 0
    assert [step["do"] for step in kept(own_cache.parent)] == ["start", "but", "weigh"]
    typed = [
        line[1:] for line in (own_cache.parent / "chat-history").read_text().splitlines() if line[:1] == "+"
    ]
    assert typed == ["at night", ":weight reference=0.5", ":undo", ":pick 2"]
    for private in ("chat-history", "last-session.json"):
        assert stat.S_IMODE((own_cache.parent / private).stat().st_mode) == 0o600


def test_ctrl_c_ends_a_turn_and_not_the_session(indexed: Path, own_cache: Path) -> None:
    terminal = opened(indexed)
    terminal.type("with seven blue cats in the kitchen\r")
    terminal.until("kitchen")
    time.sleep(0.3)  # within what loads models
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("interrupted: the session is as it was")
    terminal.until(READY)
    terminal.type("at night\r")
    assert "turn 2: " in terminal.until("scene-")
    terminal.until(READY)
    terminal.type(":turns\r")
    assert "kitchen" not in terminal.until("at night →").partition(":turns")[2]
    terminal.type(":quit\r")
    terminal.end()
    assert terminal.process.returncode == 0


@pytest.mark.parametrize("how", ["hang up", "terminate"])
def test_a_terminal_that_goes_takes_no_session_along(indexed: Path, own_cache: Path, how: str) -> None:
    terminal = opened(indexed)
    terminal.type("at night\r")
    terminal.until(READY)
    time.sleep(0.3)
    if how == "hang up":
        terminal.hang_up()
    else:
        terminal.process.send_signal(signal.SIGTERM)
        assert "the session is kept" in terminal.end()
    assert [step["do"] for step in kept(own_cache.parent)] == ["start", "but"]


def test_what_was_kept_before_stays_beside_it_and_what_is_saved_is_not_kept(
    indexed: Path, own_cache: Path, tmp_path: Path
) -> None:
    place = own_cache.parent
    terminal = opened(indexed)
    terminal.type("at night\r")
    terminal.until(READY)
    terminal.type("\x04")
    terminal.end()
    first = (place / "last-session.json").read_text()
    terminal = opened(indexed, "--session", place / "last-session.json", "--no-pictures")
    terminal.type(":more 2\r")
    terminal.until(READY)
    terminal.type("\x04")
    terminal.end()
    assert (place / "session-before-last.json").read_text() == first
    assert [step["do"] for step in kept(place)] == ["start", "but", "more"]
    terminal = opened(indexed, "--session", place / "last-session.json", "--no-pictures")
    terminal.type(f":save {tmp_path / 'mine.json'}\r")
    terminal.until(READY)
    terminal.type("\x04")
    assert "is kept" not in terminal.end()


def test_a_dumb_terminal_is_asked_plainly(indexed: Path, own_cache: Path) -> None:
    terminal = opened(indexed, TERM="dumb")
    terminal.type("at night\n")
    terminal.until("turn 2: ")
    terminal.until(PLAIN)
    terminal.type("not this")
    time.sleep(1)  # a signal between the prompt and the read of the line is seen with the next key
    terminal.type("\x03")
    terminal.until(PLAIN)
    terminal.type(":turns\n")
    assert ">  2  at night" in terminal.until(PLAIN)
    terminal.type("\x04")
    assert "the session is kept" in terminal.end()
    assert b"\x1b" not in terminal._raw
    assert not (own_cache.parent / "chat-history").exists()


@pytest.mark.parametrize(
    ("environ", "sign"),
    [({"COLORTERM": "truecolor"}, b"\xe2\x96\x80"), ({"TERM": "xterm-kitty"}, b"\x1b_Ga=T")],
)
def test_a_terminal_that_can_is_shown_pictures(indexed: Path, environ: dict[str, str], sign: bytes) -> None:
    terminal = opened(indexed, indexed / "scene-00003.png", **environ)
    assert sign in terminal._raw
    terminal.type(":quit\r")
    terminal.end()
    terminal = opened(indexed, indexed / "scene-00003.png", NO_COLOR="1", **environ)
    assert sign not in terminal._raw
    terminal.type("\x04")
    assert "is kept" not in terminal.end()  # nothing was said


def test_the_line_editor_is_loaded_for_a_terminal_alone(indexed: Path, reference: Path) -> None:
    import subprocess

    program = (
        "import sys; from likebut.pipeline.cli.app import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert 'prompt_toolkit' not in sys.modules"
    )
    command = [sys.executable, "-c", program, "chat", str(reference), "--in", str(indexed)]
    root = str(Path(__file__).parents[3])
    done = subprocess.run(command, input=b":turns\n", env={**os.environ, "PYTHONPATH": root}, check=False)
    assert done.returncode == 0


def test_a_long_history_forgets_its_older_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_editor, "LARGEST_HISTORY", 4000)
    place = tmp_path / "new" / "chat-history"
    kept_lines = history(place)
    for number in range(200):
        kept_lines.append_string(f"sentence {number}")
    found = list(history(place).load_history_strings())
    assert found[0] == "sentence 199"
    assert 50 < len(found) < 150
    assert place.stat().st_size < 5000


def test_a_history_that_cannot_be_kept_harms_nobody(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    nowhere = history(tmp_path / "folder")
    nowhere.append_string("a")
    place = tmp_path / "history"
    lines = history(place)
    lines.append_string("half a character \udcff")
    place.unlink()
    place.mkdir()
    lines.append_string("b")
    assert list(history(tmp_path / "folder").load_history_strings()) == []


def test_a_history_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    place = tmp_path / "history"
    place.write_text("")
    place.chmod(0o644)
    history(place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_an_interrupt_amid_an_import_waits_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.5)\nwhole = True\n"
    (tmp_path / "slow_to_load.py").write_text(module)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = signal.getsignal(signal.SIGINT)

    def turn() -> None:
        with interruptible():
            import_module("slow_to_load")
            time.sleep(5)
            raise AssertionError("the interrupt never came")

    with pytest.raises(KeyboardInterrupt):
        turn()
    assert sys.modules["slow_to_load"].whole
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_falls_into_a_finalizer_comes_again() -> None:
    class Last:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def turn() -> None:
        with interruptible():
            Last()  # what its finalizer raises goes nowhere
            time.sleep(5)
            raise AssertionError("the interrupt never came")

    told = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt):
        turn()
    assert sys.unraisablehook is told
