"""Many queries from a file, one JSON line each: safe to kill, continued by running again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..records.lines import append, own_lines, rewrite
from ..records.queries import read_queries
from ..records.trace import Query, Trace
from ..records.traces import trace_to_json
from ..stages.composer import Composer
from ..stages.pacing import needs, portions

CHUNK = 32
_START = b'{"query": {"id": '  # of every answer


@dataclass(frozen=True)
class BatchReport:
    """How many queries were answered now, were there already, and failed."""

    done: int
    skipped: int
    failed: int


def run_batch(
    queries: Path | Sequence[Query],
    out: Path,
    composer: Composer,
    *,
    k: int = 10,
    chunk: int = CHUNK,
    retry_errors: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    pick: Callable[[Trace], Trace] | None = None,
) -> BatchReport:
    """Append a trace line to ``out`` for every query that has none yet, chunk by chunk.

    ``queries`` are a file's or given. A line that a kill tore is dropped and made again. Raises
    InputError for files that cannot be used, and BudgetReached after the lines of what it paid for;
    a query that fails keeps its error in its line and counts as failed. With ``retry_errors`` the
    lines of failed queries are made again, too. ``pick`` chooses what of an answer is written.
    """
    asked = read_queries(queries) if isinstance(queries, Path) else queries
    done = _finished(out)
    if retry_errors and any(done.values()):
        _drop_errors(out)
        done = {ident: error for ident, error in done.items() if not error}
    waiting = [query for query in asked if query.id not in done]
    failed = sum(bool(done[query.id]) for query in asked if query.id in done)
    answered = 0
    append(out, ())  # a batch of no query has a file, too
    for part in portions(waiting, needs(composer), chunk):
        traces = composer.compose(part, k)
        picked = (pick(trace) if pick else trace for trace in traces)
        append(out, (json.dumps(trace_to_json(trace)) + "\n" for trace in picked))
        failed += sum(bool(trace.error) for trace in traces)
        answered += len(traces)
        if on_progress:
            on_progress(len(asked) - len(waiting) + answered, len(asked))
    return BatchReport(answered, len(asked) - len(waiting), failed)


def answers(queries: Sequence[Query], composer: Composer, *, k: int = 10) -> Iterator[Trace]:
    """A Trace per query, in order, as they are answered."""
    for part in portions(queries, needs(composer), CHUNK):
        yield from composer.compose(part, k)


def unanswered(
    queries: Path | Sequence[Query], out: Path | None, *, retry_errors: bool = False
) -> list[Query]:
    """What `run_batch` would ask; nothing is changed. Raises InputError as it does."""
    asked = read_queries(queries) if isinstance(queries, Path) else queries
    done, _ = _answered(out) if out else ({}, 0)
    return [q for q in asked if q.id not in done or (retry_errors and done[q.id])]


def _finished(out: Path) -> dict[str, str]:
    """Query id → its error, of all whole lines in ``out``; a torn end is cut off."""
    out.parent.mkdir(parents=True, exist_ok=True)
    done, whole = _answered(out)
    if out.exists():
        os.truncate(out, whole)
    return done


def _answered(out: Path) -> tuple[dict[str, str], int]:
    """(query id → its error, bytes) of all whole lines in ``out``. Raises InputError."""

    def read(record: Any) -> tuple[str, str]:
        return str(record["query"]["id"]), str(record["error"])

    hint = "name another file with --out; nothing in this one was changed"
    done, whole = own_lines(out, _START, read, "an answer of `batch`", hint)
    return dict(done), whole


def _drop_errors(out: Path) -> None:
    """Leave only the lines of answered queries, all or nothing."""
    with out.open(encoding="utf-8", newline="\n") as file:
        rewrite(out, (line for line in file if not json.loads(line)["error"]))
