"""What a cache holds by model and revision, and how to make it smaller."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import BusyError, ConfigError, InputError, did_you_mean
from ..cache import Cache

_BY_MODEL = """
SELECT model, json_extract(frames.text, '$.revision'), COUNT(*),
    SUM(LENGTH(reply) + IFNULL(LENGTH(asked), 0)),
    SUM(json_extract(reply, '$.prompt_tokens')), SUM(json_extract(reply, '$.reply_tokens')),
    SUM(IFNULL(json_extract(reply, '$.finish'), 'stop') <> 'stop'), MIN(made), MAX(made)
FROM answers LEFT JOIN frames ON frame = frames.id GROUP BY 1, 2 ORDER BY 1, 2
"""
_DAY = 86400


@dataclass(frozen=True)
class Models:
    """The answers of one model and revision ("" where an older likebut did not keep it).

    ``bytes`` are of replies and questions, without what the questions share. ``unfinished`` were
    cut at their token limit or stopped by a filter. ``first`` and ``last``: seconds they were made.
    """

    model: str
    revision: str
    answers: int
    bytes: int
    prompt_tokens: int
    reply_tokens: int
    unfinished: int
    first: int | None
    last: int | None


@dataclass(frozen=True)
class Which:
    """Answers that meet all that is given; vectors too, where only models are."""

    models: Sequence[str] = ()
    older_than: float | None = None
    unfinished: bool = False

    def condition(self, now: float) -> tuple[str, list[Any]]:
        """The condition in SQL with its values. An answer without a date is never too old."""
        parts, values = ["1"], list[Any]()
        if self.models:
            parts.append(f"model IN ({','.join('?' * len(self.models))})")
            values += self.models
        if self.older_than is not None:
            parts.append("made < ?")
            values.append(int(now - self.older_than * _DAY))
        if self.unfinished:
            parts.append("IFNULL(json_extract(reply, '$.finish'), 'stop') <> 'stop'")
        return " AND ".join(parts), values

    @property
    def vectors_too(self) -> bool:
        """Whether vectors go as well."""
        return bool(self.models) and self.older_than is None and not self.unfinished


@dataclass(frozen=True)
class Pruned:
    """What went, or would go; ``undated`` answers stayed because nothing says how old they are.

    ``freed`` is in bytes; it is None where the file could not be made smaller yet.
    """

    answers: int
    vectors: int
    undated: int
    freed: int | None


def answers_by_model(cache: Cache) -> list[Models]:
    """The answers of every model and revision, by name."""
    return [Models(row[0], row[1] or "", *row[2:]) for row in cache.ask(_BY_MODEL)]


def check_models(cache: Cache, models: Sequence[str]) -> None:
    """Raises ConfigError for a model of which the cache holds nothing."""
    known = [row[0] for row in cache.ask("SELECT model FROM answers UNION SELECT model FROM vectors")]
    for model in models:
        if model not in known:
            hint = did_you_mean(model, known) if known else ""
            raise ConfigError(f"the cache holds nothing of a model {model!r}", hint)


def prune(cache: Cache, which: Which, *, dry_run: bool = False) -> Pruned:
    """Delete the answers that ``which`` names, and give their room back to the disk."""
    condition, values = which.condition(time.time())
    counts = [0, 0]
    tables = ("answers", "vectors") if which.vectors_too else ("answers",)
    undated = 0
    if which.older_than is not None:
        others, rest = Which(which.models, None, which.unfinished).condition(0)
        question = f"SELECT COUNT(*) FROM answers WHERE made IS NULL AND {others}"
        undated = int(cache.ask(question, rest)[0][0])
    with cache.transaction():
        for place, table in enumerate(tables):
            found = cache.ask(f"SELECT COUNT(*) FROM {table} WHERE {condition}", values)
            counts[place] = int(found[0][0])
            if not dry_run:
                cache.ask(f"DELETE FROM {table} WHERE {condition}", values)
        if not dry_run:
            cache.ask(
                "DELETE FROM frames WHERE id NOT IN (SELECT frame FROM answers WHERE frame IS NOT NULL)"
            )
    return Pruned(counts[0], counts[1], undated, 0 if dry_run or not any(counts) else _shrink(cache))


def _shrink(cache: Cache) -> int | None:
    """The bytes that the file has lost; None where another process is in it just now."""
    before = _size(cache)
    try:
        cache.ask("VACUUM")
        cache.ask("PRAGMA wal_checkpoint(TRUNCATE)")
    except (BusyError, InputError):
        return None
    return before - _size(cache)


def _size(cache: Cache) -> int:
    """Bytes of the file and of what is not merged into it yet."""
    files = (cache.path, cache.path.with_name(f"{cache.path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
