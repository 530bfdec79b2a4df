"""The line editor of `chat` in a terminal: history, completion, Ctrl-C that clears the line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import create_output

from ..stages.conversation import Session
from .chat_completion import Kind, offers, place_typed
from .output import one_line

LARGEST_HISTORY = 1 << 20  # bytes; the older half is forgotten beyond


class Editor:
    """Reads lines from a terminal; ``session`` tells what there is to complete now."""

    def __init__(self, place: Path, session: Callable[[], Session], kinds: Mapping[str, Kind]) -> None:
        output = create_output(stdout=sys.stderr if sys.stderr.isatty() else sys.stdout)
        if hasattr(output, "enable_cpr"):
            output.enable_cpr = False  # a terminal that does not answer would be complained about
        self._prompt: PromptSession[str] = PromptSession(
            history=history(place),
            completer=_Completer(session, kinds),
            complete_while_typing=False,
            auto_suggest=AutoSuggestFromHistory(),
            enable_suspend=True,
            output=output,
        )

    def read(self, prompt: str) -> str:
        """The next line. Raises EOFError at its end (Ctrl-D), KeyboardInterrupt for Ctrl-C."""
        return self._prompt.prompt(prompt)

    def leave(self) -> bool:
        """End a line that is being read, as Ctrl-D does; whether there was one."""
        if not self._prompt.app.is_running:
            return False
        self._prompt.app.exit(exception=EOFError)
        return True


class _Completer(Completer):
    """Offers of `chat_completion`, and paths."""

    def __init__(self, session: Callable[[], Session], kinds: Mapping[str, Kind]) -> None:
        self._session, self._kinds = session, kinds
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        line = document.text_before_cursor
        for offer in offers(line, self._session(), self._kinds):
            about = one_line(offer.about) or None
            yield Completion(offer.text, -offer.typed, display=one_line(offer.text), display_meta=about)
        place = place_typed(line, self._kinds)
        if place is not None:
            yield from self._paths.get_completions(Document(place), complete_event)


class _History(FileHistory):
    """A file that only its owner reads, and that may be gone or full without any harm."""

    def load_history_strings(self) -> Iterator[str]:
        with suppress(OSError):
            yield from super().load_history_strings()

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string.encode(errors="replace").decode())


def history(place: Path) -> History:
    """The lines that were typed before, as far as they can be kept."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(place, os.O_CREAT | os.O_RDWR, 0o600))
        place.chmod(0o600)
        if place.stat().st_size > LARGEST_HISTORY:
            _shorten(place)
    except OSError:
        return InMemoryHistory()
    return _History(str(place))


def _shorten(place: Path) -> None:
    """Leave the newer half; an entry begins with an empty line and a comment."""
    data: Any = place.read_bytes()
    start = data.find(b"\n# ", len(data) // 2)
    place.write_bytes(data[start:] if start >= 0 else b"")
