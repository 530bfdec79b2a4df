"""The ledger: what one output has spent on model calls, a JSON line for each question.

It lies beside the output and is only ever appended to: a line the moment a reply comes, before the
reply goes to the cache, so that a kill can lose no spending. A question whose answer was in the cache
has a line of its own, once. So the totals are those of all sessions together, and the same however
often the work was interrupted. What was on its way when a process was killed is in no reply, and in
no ledger.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import InputError
from ..records.lines import own_lines

ENDING = ".spending.jsonl"
_START = b'{"model":'  # of every line


@dataclass(frozen=True)
class Spending:
    """One question: answered by the cache (``cached``), or by a call that was made.

    ``cost`` is in US dollars, None where the profile has no price; a call that ``failed`` brought no
    answer, and costs what its reply says.
    """

    model: str
    key: str
    cached: bool = False
    prompt_tokens: int = 0
    reply_tokens: int = 0
    seconds: float = 0.0
    cost: float | None = 0.0
    failed: bool = False

    def to_line(self) -> bytes:
        """One JSON line."""
        record = vars(self)
        if self.cached:
            record = {name: record[name] for name in ("model", "key", "cached")}
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"


@dataclass
class Tally:
    """What one model was asked: calls made (``failed`` among them), answers of the cache, and costs.

    ``cost`` counts the calls that have a price; the tokens of the ``unpriced`` ones stand apart, too.
    """

    calls: int = 0
    failed: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    unpriced: int = 0
    unpriced_prompt_tokens: int = 0
    unpriced_reply_tokens: int = 0

    def add(self, entry: Spending) -> None:
        """Count one question."""
        if entry.cached:
            self.cached += 1
            return
        self.calls += 1
        self.failed += entry.failed
        self.prompt_tokens += entry.prompt_tokens
        self.reply_tokens += entry.reply_tokens
        self.seconds += entry.seconds
        if entry.cost is None:
            self.unpriced += 1
            self.unpriced_prompt_tokens += entry.prompt_tokens
            self.unpriced_reply_tokens += entry.reply_tokens
        else:
            self.cost += entry.cost


Tallies = dict[str, Tally]


def beside(out: Path) -> Path:
    """The ledger of an output file."""
    return out.with_name(out.name + ENDING)


def total(tallies: Mapping[str, Tally]) -> Tally:
    """All models together."""
    parts = [asdict(tally) for tally in tallies.values()]
    return Tally(**{name: sum(part[name] for part in parts) for name in asdict(Tally())})


def costs(path: Path) -> dict[str, float | int | None]:
    """What the output of a ledger has spent, as a plain record; nothing where there is no ledger.

    ``cost`` is None where a call had no price. Raises InputError for a file that is no ledger.
    """
    spent = total(Ledger(path).tallies)
    return {
        "made_calls": spent.calls,
        "failed_calls": spent.failed,
        "cached_calls": spent.cached,
        "made_prompt_tokens": spent.prompt_tokens,
        "made_reply_tokens": spent.reply_tokens,
        "cost": None if spent.unpriced else round(spent.cost, 9),
    }


class Ledger:
    """An output's ledger; without a path it lives as long as the process.

    ``tallies`` are of all sessions, ``session`` of this one, by model. Raises InputError for a file
    that is no ledger. Nothing is written before the first question.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.tallies: Tallies = {}
        self.session: Tallies = {}
        self._known: set[str] = set()
        self._whole: int | None = None  # bytes of whole lines, where a kill tore the last one
        if path is not None and path.exists():
            self._read(path)

    def add(self, entries: Iterable[Spending]) -> None:
        """Count entries, and write them down first. Raises InputError where that is not possible."""
        entries = list(entries)
        if not entries:
            return
        self._write(b"".join(entry.to_line() for entry in entries))
        for entry in entries:
            self._count(entry)
            self.session.setdefault(entry.model, Tally()).add(entry)

    def found(self, model: str, keys: Iterable[str]) -> None:
        """Count questions that the cache answered: each once, and none that was paid for here."""
        short = dict.fromkeys(key[:16] for key in keys)
        self.add(Spending(model, key, cached=True) for key in short if key not in self._known)

    def _count(self, entry: Spending) -> None:
        self._known.add(entry.key)
        self.tallies.setdefault(entry.model, Tally()).add(entry)

    def _read(self, path: Path) -> None:
        hint = "move the file away to count from nothing"
        _, whole = own_lines(
            path, _START, lambda r: self._count(Spending(**r)), "a record of spending", hint
        )
        self._whole = whole if whole < path.stat().st_size else None

    def _write(self, lines: bytes) -> None:
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._whole is not None:
                os.truncate(self.path, self._whole)
                self._whole = None
            with self.path.open("ab") as file:
                file.write(lines)
        except OSError as problem:
            raise InputError(f"cannot write {self.path}: {problem.strerror}") from problem
