"""Commands of `chat` that read and write files: pictures that are opened and copied, sessions, pages."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ...indexes.videos import file_of
from ..errors import ConfigError, InputError
from ..machine.outputs import check_folder
from ..records.dialogue import check_place
from ..records.trace import Query, Ranking, Trace
from . import show
from .chat_reading import hits_and_place
from .chat_steps import hit_of, hits_of, told_where, trace_of
from .chat_talk import Talk
from .opening import open_pictures, opener
from .output import say


def open_(talk: Talk, rest: str) -> None:
    """Hits in the program that opens pictures."""
    hits = hits_of(talk, rest or "1")
    gone = [hit.path or hit.id for hit in hits if not os.path.exists(file_of(hit.path))]
    if gone:
        raise InputError(f"no picture {gone[0]}", "it was moved or deleted, or is a caption")
    open_pictures(opener(), [hit.path for hit in hits])


def copy(talk: Talk, rest: str) -> None:
    """Copies of hits in a folder, of all where none is named."""
    named, place = hits_and_place(rest)
    folder = Path(os.path.expanduser(place))
    check_folder(folder, ":copy")
    trace = trace_of(talk)
    hits = tuple(hit_of(talk, one) for one in named) or trace.ranking.hits
    show.copy_hits(replace(trace, ranking=Ranking(hits)), folder)
    say(f"{folder}: {_counted(len(hits), 'picture')} copied")


def save(talk: Talk, rest: str) -> None:
    """The session as a file: a new one, one that holds a dialogue, or the one that it came from."""
    path = Path(os.path.expanduser(rest)) if rest else talk.file
    if path is None:
        raise ConfigError("save where?", "for example :save apples.json")
    own = path == talk.file
    before = check_place(path, ":save")
    talk.save(path)
    other = f", in place of the {len(before.turns)} that it held" if before and not own else ""
    say(f"{path}: {_counted(len(talk.saved.turns), 'turn')}{other}")


def load(talk: Talk, rest: str) -> Trace | None:
    """Goes on with the session of a file."""
    if not rest:
        raise ConfigError("load what?", "for example :load apples.json")
    kept = talk.keep() if talk.lively else None
    if kept:
        say(f"what was not saved is in {kept}")
    talk.load(Path(os.path.expanduser(rest)))
    return told_where(talk, talk.session.trace)


def report(talk: Talk, rest: str) -> None:
    """The turns that led here as one page."""
    from ..report.query_report import write_query_report

    if not rest:
        raise ConfigError("a report where?", "for example :report apples.html")
    last, dialogue = trace_of(talk), talk.session.dialogue
    path = Path(os.path.expanduser(rest))
    way = [
        replace(dialogue.turns[n].trace, query=_numbered(dialogue.turns[n].trace.query, n))
        for n in dialogue.path
    ]
    write_query_report(way, path, title=last.query.modification or "pictures like this one")
    say(f"report: {path}")


def _numbered(query: Query, place: int) -> Query:
    return replace(query, id=str(place + 1))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
