"""A session in a terminal or a pipe: lines come in, hits go out, and nothing that was done is lost."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...indexes.errors import GalleryError
from ..errors import InputError, LikebutError
from ..machine.places import last_session
from ..records.dialogue import Dialogue, write
from ..records.trace import Query, Trace
from ..stages.conversation import Session
from . import show
from .chat_reading import cleaned
from .explaining import screen_width, tell_warnings
from .output import Format, say, say_error

_OPTION = re.compile(r"--(set|weight)\b")
LONGEST_ERROR = 600  # characters; a problem may quote what was typed


@dataclass(frozen=True)
class Showing:
    """How hits are shown: the format of stdout, paths as ``folders`` were typed, pictures or none."""

    form: Format = Format.table
    folders: show.Folders = None
    terminal: str | None = None
    many_colours: bool = True


@dataclass
class Talk:
    """A session and all that commands work on.

    ``picture`` makes a query of what a person calls a picture. In a ``lively`` talk a person sits at a
    terminal: Ctrl-C ends a turn and not the session. ``file`` holds the session as it was ``saved``;
    ``offered`` are the answers to what the session asked last.
    """

    session: Session
    showing: Showing
    picture: Callable[[str], Query]
    do: Callable[[Talk, str], Trace | None]
    lively: bool = False
    file: Path | None = None
    saved: Dialogue = field(default_factory=Dialogue)
    offered: tuple[str, ...] = ()
    ended: bool = False
    failed: int = 0
    _shown: int = 0

    def answer(self, line: str, number: int = 0) -> None:
        """Do what a line says and show what comes of it; a problem is one line, and changes nothing."""
        before = self.session.dialogue
        try:
            found = self.do(self, cleaned(line))
            if found and found.error:
                tell_warnings(found)
                raise InputError(found.error)
        except KeyboardInterrupt:
            self.session.dialogue = before
            if not self.lively:
                raise
            say("interrupted: the session is as it was")
            return
        except (LikebutError, GalleryError) as problem:
            self.session.dialogue = before
            self._refused(problem.message, problem.hint, number)
            return
        except OSError as problem:
            self.session.dialogue = before
            if isinstance(problem, BrokenPipeError) or problem.strerror is None:
                raise
            what = _cut(str(problem.filename), 100) if problem.filename else "the output"
            self._refused(f"cannot use {what}: {problem.strerror}", "check the place", number)
            return
        try:
            if found:
                self.show(found, number)
        except KeyboardInterrupt:
            if not self.lively:
                raise

    def show(self, trace: Trace, number: int = 0) -> None:
        """The turn's hits on stdout, at once; what is to be said of it on stderr."""
        tell_warnings(trace)
        form, at = self.showing.form, self.session.dialogue.at + 1
        if form in (Format.json, Format.jsonl):
            self._print({**_record(trace), "turn": at, **({"line": number} if number else {})})
            return
        if form is Format.table and trace.intent.target_caption:
            say(fitted(f"turn {at}: {trace.intent.target_caption}"))
        if self._shown:
            print()
        self._shown += 1
        show.show_hits(trace, form, self.showing.folders)
        sys.stdout.flush()
        if self.showing.terminal:
            show.show_strips(trace, self.showing.terminal, many_colours=self.showing.many_colours)

    def _refused(self, message: str, hint: str, number: int) -> None:
        self.failed += 1
        hint = _OPTION.sub(r":\1", hint)  # what is an option elsewhere is a command here
        say_error(_cut(f"line {number}: {message}" if number else message), _cut(hint))
        if number and self.showing.form in (Format.json, Format.jsonl):
            self._print({**_record(Trace(Query(str(number)), error=message)), "line": number})

    def _print(self, record: dict[str, object]) -> None:
        print(json.dumps(record, indent=2 if self.showing.form is Format.json else None), flush=True)

    @property
    def unsaved(self) -> bool:
        """Whether something was said that no file holds."""
        dialogue = self.session.dialogue
        return dialogue is not self.saved and any(turn.step.do != "start" for turn in dialogue.turns)

    def save(self, path: Path) -> None:
        """Write the session; it goes on from there. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write(self.session.dialogue, path)
        self.file, self.saved = path, self.session.dialogue

    def load(self, path: Path) -> None:
        """Go on with the session of a file. Raises InputError."""
        loaded = Session.load(path, self.session.composer, self.session.k)
        self.session = loaded
        self.file, self.saved = path, loaded.dialogue

    def keep(self) -> Path | None:
        """Write what was not saved into the user's place, for its owner alone; None where all is.

        What was kept there before stays beside it. Raises OSError.
        """
        if not self.unsaved:
            return None
        path = last_session()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.replace(path.with_name("session-before-last.json"))
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # `write` keeps its rights
        write(self.session.dialogue, path)
        self.saved = self.session.dialogue
        return path


def _record(trace: Trace) -> dict[str, object]:
    from ..records.traces import trace_to_json

    return trace_to_json(trace)


def fitted(line: str) -> str:
    """A line of talk that fits the screen, or a long one where nobody looks."""
    return _cut(line, screen_width() or 200)


def _cut(text: str, longest: int = LONGEST_ERROR) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
