"""Where things of the user are kept: answers, indexes that have no folder of their own, sessions."""

from __future__ import annotations

import os
from pathlib import Path


def answers_file(given: Path | None = None) -> Path:
    """The cache file: the one that is given, $LIKEBUT_CACHE, or in the user's cache folder."""
    if given is not None:
        return given
    if named := os.environ.get("LIKEBUT_CACHE"):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "likebut" / "answers.sqlite"


def kept_sessions() -> Path:
    """Where the sessions of a server are kept: beside the answers."""
    return answers_file().parent / "sessions"


def kept_index(*folders: Path) -> Path:
    """Where the index of several folders, or of one that cannot be written, is kept: in the user's
    cache folder, the same in whatever order they are named.
    """
    from hashlib import sha256

    places = sorted(folder.resolve() for folder in folders)
    key = sha256(b"\0".join(map(os.fsencode, places))).hexdigest()[:16]
    more = f"-and-{len(places) - 1}" if len(places) > 1 else ""
    return answers_file().parent / "indexes" / f"{places[0].name or 'root'}{more}-{key}"


def last_session() -> Path:
    """Where `chat` keeps what was not saved: beside the answers."""
    return answers_file().parent / "last-session.json"


def chat_history() -> Path:
    """The lines that were typed in `chat`, for its line editor."""
    return answers_file().parent / "chat-history"
