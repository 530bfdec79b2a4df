"""Where the lines of `chat` come from: a pipe, a plain terminal, or the line editor; and Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

from ..machine.places import chat_history
from ..records.lines import without_mark
from .chat_completion import Kind
from .chat_reading import LONGEST
from .chat_talk import Talk
from .output import one_line

if TYPE_CHECKING:
    from .chat_editor import Editor

_LONGEST_BYTES = 4 * (LONGEST + 1)  # so that a longer line is seen to be one
_LONGEST_NAME = 40
_AGAIN = 0.1  # seconds until an interrupt that came at a bad moment comes again


def piped() -> Iterator[tuple[int, str]]:
    """The numbered lines of stdin as they come, without empty ones. Of a very long one the beginning."""
    for number, line in enumerate(without_mark(_read()), 1):
        if line.strip():
            yield number, line.decode(errors="surrogateescape")


def _read() -> Iterator[bytes]:
    stream = sys.stdin.buffer
    while line := stream.readline(_LONGEST_BYTES):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(_LONGEST_BYTES)
        yield line


def is_lively() -> bool:
    """Whether a person types the lines."""
    return sys.stdin.isatty()


def converse(talk: Talk, kinds: dict[str, Kind]) -> None:
    """Read and answer a person's lines until they end."""
    editor = None if _is_plain() else _editor(talk, kinds)
    read = editor.read if editor else _plain
    _end_well(talk, editor)
    while not talk.ended:
        try:
            line = read(_asking(talk))
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        with interruptible():
            talk.answer(line)


def _asking(talk: Talk) -> str:
    dialogue = talk.session.dialogue
    if dialogue.picked:
        name = one_line(dialogue.picked.encode(errors="replace").decode())
        return f"{name if len(name) <= _LONGEST_NAME else '…' + name[-_LONGEST_NAME:]}, but> "
    return "but> " if dialogue.turn else "find> "


def _is_plain() -> bool:
    """Whether lines are read as the terminal gives them: without an editor."""
    dumb = os.environ.get("TERM", "dumb") in ("", "dumb") and sys.platform != "win32"
    return dumb or not (sys.stderr.isatty() or sys.stdout.isatty())


def _plain(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        raise
    if not line:
        print(file=sys.stderr)
        raise EOFError
    return line


def _editor(talk: Talk, kinds: dict[str, Kind]) -> Editor:
    from .chat_editor import Editor

    return Editor(chat_history(), lambda: talk.session, kinds)


def _end_well(talk: Talk, editor: Editor | None) -> None:
    """Where the terminal goes, or the process is asked to end, the session is kept all the same."""

    def end(number: int, frame: FrameType | None) -> None:
        talk.ended = True
        if not (editor and editor.leave()):
            raise SystemExit(128 + number)

    for name in ("SIGHUP", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, but not amid an import: a library half imported stays broken.

    One that Python swallows, as it does whatever a finalizer raises, comes again.
    """
    before = signal.signal(signal.SIGINT, _interrupt)
    alarm = signal.signal(signal.SIGALRM, _interrupt) if hasattr(signal, "SIGALRM") else None
    tells = sys.unraisablehook
    sys.unraisablehook = partial(_swallowed, tells)
    try:
        yield
    finally:
        sys.unraisablehook = tells
        if hasattr(signal, "SIGALRM"):
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, alarm)
        signal.signal(signal.SIGINT, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    if hasattr(signal, "setitimer") and _imports(frame):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        return
    raise KeyboardInterrupt


def _swallowed(tells: Callable[[sys.UnraisableHookArgs], object], what: sys.UnraisableHookArgs) -> None:
    if what.exc_type is KeyboardInterrupt and hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    else:
        tells(what)


def _imports(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
