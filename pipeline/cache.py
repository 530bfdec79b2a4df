"""The cache: model answers and vectors by content, one SQLite file, committed item by item.

A key is SHA-256 over everything that decides an answer (engine, model, revision, image contents,
messages, schema, sampling, repeat); device and batch size are not in it. Nothing expires. The
file may be copied, shared or deleted at any time.

An answer lies beside its question, so that it can be exported and its key computed again. What the
questions of one prompt and model share (everything but the last message and the repeat) is kept
once, as a *frame*.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.canonical import canonical, split_question
from pipeline.canonical import content_key as content_key
from pipeline.errors import InputError
from pipeline.records import Reply

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABLES = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, model TEXT, reply TEXT, frame INTEGER,
    asked TEXT, made INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS frames (id INTEGER PRIMARY KEY, hash TEXT UNIQUE, text TEXT);
CREATE INDEX IF NOT EXISTS unasked ON answers (key) WHERE frame IS NULL;
CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, model TEXT, tokens INTEGER, vector BLOB)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
# 3: answers come with their question and the second they were made.
_TO_3 = tuple(
    f"ALTER TABLE answers ADD COLUMN {column}"
    for column in ("frame INTEGER", "asked TEXT", "made INTEGER")
)
_IN_ONE_QUESTION = 500
VERSION = 3  # 2: answers say how they ended
_Item = TypeVar("_Item")


def reply_facts(reply: Reply) -> dict[str, Any]:
    """What is kept of a reply."""
    return {
        "text": reply.text, "prompt_tokens": reply.prompt_tokens,
        "reply_tokens": reply.reply_tokens, "seconds": reply.seconds,
        "finish": reply.finish, "served": reply.served,
    }  # fmt: skip


@lru_cache(maxsize=4096)
def _file_hash(path: Path, size: int, mtime: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    facts = path.stat()
    return _file_hash(path, facts.st_size, facts.st_mtime_ns)


def batched(items: Iterable[_Item], size: int) -> Iterator[tuple[_Item, ...]]:
    """Tuples of ``size`` items, the last one shorter."""
    rest = iter(items)
    while part := tuple(islice(rest, size)):
        yield part


class Cache:
    """An open cache file; made with its folder if missing.

    Raises InputError where the file is damaged, or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = self._open()
        except (OSError, sqlite3.Error) as problem:
            raise InputError(
                f"cannot use the cache {path}: {problem}", "delete it, or name another with --cache"
            ) from problem

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        if self._version(db) != VERSION:
            self._bring_to_version(db)
        return db

    def _bring_to_version(self, db: sqlite3.Connection) -> None:
        """Make the tables, or bring those of an older likebut to this format."""
        with _whole(db):
            found = self._version(db)  # another process may have been quicker
            old = db.execute("SELECT 1 FROM sqlite_master WHERE name='answers'").fetchone()
            steps = _TO_3 if old and found < VERSION else ()
            for statement in (*steps, *TABLES.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={VERSION}")

    def _version(self, db: sqlite3.Connection) -> int:
        """The format of the file; one of a newer likebut is left alone. Raises InputError."""
        found = int(db.execute("PRAGMA user_version").fetchone()[0])
        if found > VERSION:
            raise InputError(
                f"the cache {self.path} was written by a newer likebut (format {found})",
                "update likebut, or name another file with --cache",
            )
        return found

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within is kept, or nothing of it; others wait, 30 seconds at most."""
        try:
            with _whole(self._db):
                yield
        except sqlite3.DatabaseError as problem:
            raise self._damaged(problem) from problem

    def __enter__(self) -> Cache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was put is there already."""
        self._db.close()

    def answers(self, keys: Sequence[str]) -> dict[str, Reply]:
        """The cached replies among ``keys``."""
        rows = self._rows("SELECT key, reply FROM answers WHERE key IN ({})", keys)
        return {key: Reply(**{**json.loads(reply), "cached": True}) for key, reply in rows}

    def put_answer(
        self, key: str, model: str, reply: Reply, question: Mapping[str, Any] | None = None
    ) -> None:
        """Keep one reply with its ``question`` (the parts of its key); committed on return."""
        with self.transaction():
            frame, asked = self._framed(question) if question else (None, None)
            self.ask(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                (key, model, canonical(reply_facts(reply)), frame, asked, int(time.time())),
            )

    def learn_questions(self, questions: Mapping[str, Mapping[str, Any]]) -> None:
        """Put the questions beside answers that an older likebut kept without one, by key."""
        if not self._has_unasked:
            return
        with self.transaction():
            for key, question in questions.items():
                if self.ask("SELECT 1 FROM answers WHERE key = ? AND frame IS NULL", (key,)):
                    parts = self._framed(question)
                    self.ask("UPDATE answers SET frame = ?, asked = ? WHERE key = ?", (*parts, key))

    @cached_property
    def _has_unasked(self) -> bool:
        return bool(self.ask("SELECT 1 FROM answers WHERE frame IS NULL LIMIT 1"))

    def _framed(self, question: Mapping[str, Any]) -> tuple[int, str]:
        """The number of a question's frame, which is made if it is new, and what is not in it."""
        frame, asked = split_question(question)
        hashed = hashlib.sha256(frame.encode()).hexdigest()
        self.ask("INSERT OR IGNORE INTO frames (hash, text) VALUES (?, ?)", (hashed, frame))
        return int(self.ask("SELECT id FROM frames WHERE hash = ?", (hashed,))[0][0]), asked

    def vectors(self, keys: Sequence[str]) -> dict[str, tuple[NDArray[Any], int]]:
        """The cached float32 vectors among ``keys``, each with the token count of its text."""
        import numpy as np

        rows = self._rows("SELECT key, vector, tokens FROM vectors WHERE key IN ({})", keys)
        return {key: (np.frombuffer(blob, "<f4"), tokens) for key, blob, tokens in rows}

    def put_vector(self, key: str, model: str, vector: NDArray[Any], tokens: int = 0) -> None:
        """Keep one vector; committed on return."""
        blob = vector.astype("<f4").tobytes()
        self.ask("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", (key, model, tokens, blob))

    def fact(self, key: str) -> Any:
        """A remembered JSON value, or None."""
        rows = self._rows("SELECT key, value FROM facts WHERE key IN ({})", [key])
        return json.loads(rows[0][1]) if rows else None

    def put_fact(self, key: str, value: Mapping[str, Any]) -> None:
        """Remember a JSON value."""
        self.ask("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, json.dumps(value)))

    def typical(self, model: str) -> tuple[float, float] | None:
        """(reply tokens, seconds) of the model's answers on average; None where there is none."""
        numbers = ", ".join(
            f"AVG(json_extract(reply, '$.{name}'))" for name in ("reply_tokens", "seconds")
        )
        tokens, seconds = self.ask(f"SELECT {numbers} FROM answers WHERE model = ?", (model,))[0]
        return None if tokens is None else (float(tokens), float(seconds or 0.0))

    def info(self) -> dict[str, Any]:
        """Counts of answers and vectors by model, and the size of the file in bytes."""
        by_model: dict[str, int] = {}
        for table in ("answers", "vectors"):
            question = f"SELECT model, COUNT(*) FROM {table} GROUP BY model"
            by_model |= {f"{model} {table}": count for model, count in self.ask(question)}
        return {
            "entries": sum(by_model.values()),
            "bytes": self.path.stat().st_size,
            "by model": by_model,
        }

    def _rows(self, question: str, keys: Sequence[str]) -> list[Any]:
        rows: list[Any] = []
        for start in range(0, len(keys), _IN_ONE_QUESTION):
            part = keys[start : start + _IN_ONE_QUESTION]
            rows += self.ask(question.format(",".join("?" * len(part))), part)
        return rows

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows a statement gives; what it changes is committed. Raises InputError."""
        try:
            return self._db.execute(statement, tuple(values)).fetchall()
        except sqlite3.DatabaseError as problem:
            raise self._damaged(problem) from problem

    def _damaged(self, problem: Exception) -> InputError:
        return InputError(
            f"the cache {self.path} cannot be used: {problem}", "delete it; answers are made anew"
        )


@contextmanager
def _whole(db: sqlite3.Connection) -> Iterator[None]:
    """A transaction that is kept as a whole or not at all."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
