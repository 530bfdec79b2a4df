"""Queries as a stream: each line is answered as it comes, in order, and a bad one kills nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from ..errors import InputError
from ..records.lines import without_mark
from ..records.queries import parse_query
from ..records.trace import Description, Intent, Query, Ranking, Trace
from ..stages.composer import Composer
from .run import CHUNK, answers

AHEAD = 1024  # lines that are read before they are asked

_Entry = tuple[int, bytes] | BaseException | None  # a numbered line, what stopped the reader, the end


def stream(
    lines: Iterable[bytes], base: Path, name: str, composer: Composer, *, k: int = 10
) -> Iterator[Trace]:
    """A Trace per line, in order, as the lines come; empty lines are passed over.

    A line is answered without waiting for the next; lines that are already there are answered
    together. References are relative to ``base``; ``name`` is what errors call the stream. A line
    that is no query gives a Trace with its number for an id, and the error. Raises what reading
    ``lines`` and what `Composer.compose` raise, after the answers before it.
    """
    for part in _as_they_come(lines):
        read = [_asked(line, number, base, name) for number, line in part]
        good = [one for one in read if isinstance(one, Query)]
        answered = iter(answers(good, composer, k=k))
        for one in read:
            yield next(answered) if isinstance(one, Query) else one


def _asked(line: bytes, number: int, base: Path, name: str) -> Query | Trace:
    """The query of a line, or the answer that says why it is none."""
    try:
        return parse_query(line, number, base, name)
    except InputError as problem:
        return Trace(
            Query(str(number)), "", "", Description(), Intent(""), (), Ranking(()), error=problem.message
        )


def _as_they_come(lines: Iterable[bytes]) -> Iterator[list[tuple[int, bytes]]]:
    """Numbered lines: whatever came while the last part was worked on, CHUNK at most."""
    waiting: Queue[_Entry] = Queue(AHEAD)

    def read() -> None:
        try:
            for number, line in enumerate(without_mark(lines), 1):
                if line.strip():
                    waiting.put((number, line))
            waiting.put(None)
        except BaseException as problem:  # for the thread that waits
            waiting.put(problem)

    Thread(target=read, daemon=True).start()
    while True:
        part, end = _part(waiting)
        if part:
            yield part
        if isinstance(end, BaseException):
            raise end
        if end is None:
            return


def _part(waiting: Queue[_Entry]) -> tuple[list[tuple[int, bytes]], BaseException | bool | None]:
    """(one line, waited for, and those that are there, how the stream ended: True means not yet)."""
    part: list[tuple[int, bytes]] = []
    while len(part) < CHUNK:
        try:
            entry = waiting.get(block=not part)
        except Empty:
            break
        if not isinstance(entry, tuple):
            return part, entry
        part.append(entry)
    return part, True
