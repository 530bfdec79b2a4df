"""Export of a cache's answers to a file, and import of a file's answers into a cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...records.keys import canonical, content_key, join_question, split_question
from ..cache import Cache
from .entry import BadLine, End, check_header, end_line, entry_line, header_line, read_entry
from .files import STREAM, read_lines, writing

_PAGE = 500
_STAGE = (
    "CREATE TEMP TABLE IF NOT EXISTS incoming (key TEXT PRIMARY KEY, model TEXT, reply TEXT, "
    "hash TEXT, asked TEXT, made INTEGER) WITHOUT ROWID",
    "CREATE TEMP TABLE IF NOT EXISTS incoming_frames (hash TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID",
    "DELETE FROM incoming",
    "DELETE FROM incoming_frames",
)
_KNOWN = "FROM incoming JOIN answers USING (key)"
_SAME = "json_extract(incoming.reply, '$.text') = json_extract(answers.reply, '$.text')"


@dataclass(frozen=True)
class Exported:
    """How many answers were written, and how many could not be.

    ``unasked`` answers were kept by an older likebut without their question; ``damaged`` ones have
    a question that is not theirs.
    """

    written: int
    unasked: int
    damaged: int


@dataclass(frozen=True)
class Imported:
    """What became of a file's answers: ``known`` were here already, with the same words;
    ``conflicts`` with others, and ours stayed. ``refused`` are (line, why)."""

    new: int
    known: int
    conflicts: int
    refused: tuple[tuple[int, str], ...] = ()


def export_answers(
    cache: Cache, path: Path, models: Sequence[str] = (), *, force: bool = False
) -> Exported:
    """Write the answers (of some models) to a file; those of one moment, whoever writes meanwhile.

    Raises what `writing` raises.
    """
    wanted = _of_models(models)
    written = damaged = 0
    with writing(path, force=force) as out, cache.moment():
        out.write(header_line())
        for key, reply, made, frame, asked in _rows(cache, wanted, models):
            question = join_question(frame, asked)
            if content_key(**question) == key:
                out.write(entry_line(key, question, json.loads(reply), made))
                written += 1
            else:
                damaged += 1
        out.write(end_line(written))
        count = f"SELECT COUNT(*) FROM answers WHERE frame IS NULL{wanted}"
        return Exported(written, cache.ask(count, models)[0][0], damaged)


def _of_models(models: Sequence[str]) -> str:
    """A condition for as many models; none means all."""
    return f" AND model IN ({','.join('?' * len(models))})" if models else ""


def _rows(cache: Cache, wanted: str, models: Sequence[str]) -> Iterator[Sequence[Any]]:
    """The answers that have a question, by key, a page in memory at a time."""
    page = (
        "SELECT key, reply, made, frames.text, asked FROM answers JOIN frames ON frame = frames.id "
        f"WHERE key > ?{wanted} ORDER BY key LIMIT {_PAGE}"
    )
    last = ""
    while rows := cache.ask(page, (last, *models)):
        yield from rows
        last = rows[-1][0]


def import_answers(cache: Cache, path: Path, *, keep_good: bool = False) -> Imported:
    """Take the answers of a file: all of them or, killed or refused at any moment, none.

    An answer that is here already stays. The first line that cannot be taken refuses the file with
    an InputError, unless ``keep_good``: then such lines are counted, and the others taken.
    """
    refused = []
    with cache.moment():  # the tables are of this connection alone: nobody waits while it reads
        for statement in _STAGE:
            cache.ask(statement)
        for number, why in _stage(cache, path):
            if not keep_good or number <= 1:
                name = "stdin" if path == STREAM else path
                advice = "; --keep-good takes the other lines" if number > 1 else ""
                raise InputError(f"{name} line {number}: {why}", f"nothing was imported{advice}")
            refused.append((number, why))
    return replace(_take(cache), refused=tuple(refused))


def _stage(cache: Cache, path: Path) -> Iterator[tuple[int, str]]:
    """Read a file into the tables of this connection; yields the lines that cannot be taken."""
    number = taken = 0
    ended = False
    try:
        for number, line in enumerate(read_lines(path), 1):
            try:
                if number == 1:
                    check_header(line)
                elif ended:
                    raise BadLine("there is more after the end")
                elif isinstance(entry := read_entry(line), End):
                    ended = True
                    if entry.answers != number - 2:
                        raise BadLine(f"{entry.answers} answers were written, {number - 2} are here")
                else:
                    _stage_entry(cache, entry)
                    taken += 1
            except BadLine as problem:
                yield number, str(problem)
    except BadLine as problem:  # of the file itself: there is no next line
        yield number + 1, str(problem)
        return
    if not ended:
        yield number + 1, f"the file was cut: it ends after {taken} answers"


def _stage_entry(cache: Cache, entry: Mapping[str, Any]) -> None:
    question = entry["question"]
    frame, asked = split_question(question)
    hashed = hashlib.sha256(frame.encode()).hexdigest()
    if cache.ask("SELECT 1 FROM incoming WHERE key = ?", (entry["key"],)):
        raise BadLine("an earlier line has the same key")
    cache.ask("INSERT OR IGNORE INTO incoming_frames VALUES (?, ?)", (hashed, frame))
    row = (entry["key"], question["model"], canonical(entry["reply"]), hashed, asked, entry["made"])
    cache.ask("INSERT INTO incoming VALUES (?, ?, ?, ?, ?, ?)", row)


def _take(cache: Cache) -> Imported:
    """What was staged goes into the cache, in one short transaction."""
    with cache.transaction():
        known = cache.ask(f"SELECT COUNT(*), TOTAL({_SAME}) {_KNOWN}")[0]
        total = cache.ask("SELECT COUNT(*) FROM incoming")[0][0]
        cache.ask("INSERT OR IGNORE INTO frames (hash, text) SELECT hash, text FROM incoming_frames")
        # A question belongs to its key, whoever kept the answer.
        cache.ask(
            "UPDATE answers SET (frame, asked) = (SELECT frames.id, incoming.asked FROM incoming "
            "JOIN frames USING (hash) WHERE incoming.key = answers.key) "
            "WHERE frame IS NULL AND key IN (SELECT key FROM incoming)"
        )
        cache.ask(
            "INSERT OR IGNORE INTO answers SELECT key, model, reply, frames.id, asked, made "
            "FROM incoming JOIN frames USING (hash)"
        )
    return Imported(total - known[0], int(known[1]), known[0] - int(known[1]))
