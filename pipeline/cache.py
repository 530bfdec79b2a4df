"""The cache: model answers and vectors by content, one SQLite file, committed item by item.

A key is SHA-256 over everything that decides an answer (engine, model, revision, image contents,
messages, schema, sampling, repeat); device and batch size are not in it. Nothing expires. The
file may be copied, shared or deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import InputError
from pipeline.records import Reply

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TABLES = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, model TEXT, reply TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, model TEXT, tokens INTEGER, vector BLOB)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
_IN_ONE_QUESTION = 500
VERSION = 2  # 2: answers say how they ended
_Item = TypeVar("_Item")


def content_key(**parts: Any) -> str:
    """SHA-256 over named parts in canonical JSON."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


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
        if self._check_version(db) < VERSION:
            db.execute(f"PRAGMA user_version={VERSION}")
        db.executescript(_TABLES)
        return db

    def _check_version(self, db: sqlite3.Connection) -> int:
        """The format of the file; one of a newer likebut is left alone. Raises InputError."""
        found = int(db.execute("PRAGMA user_version").fetchone()[0])
        if found > VERSION:
            raise InputError(
                f"the cache {self.path} was written by a newer likebut (format {found})",
                "update likebut, or name another file with --cache",
            )
        return found

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

    def put_answer(self, key: str, model: str, reply: Reply) -> None:
        """Keep one reply; committed on return."""
        facts = {
            "text": reply.text, "prompt_tokens": reply.prompt_tokens,
            "reply_tokens": reply.reply_tokens, "seconds": reply.seconds,
            "finish": reply.finish, "served": reply.served,
        }  # fmt: skip
        self._write(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, model, json.dumps(facts))
        )

    def vectors(self, keys: Sequence[str]) -> dict[str, tuple[NDArray[Any], int]]:
        """The cached float32 vectors among ``keys``, each with the token count of its text."""
        import numpy as np

        rows = self._rows("SELECT key, vector, tokens FROM vectors WHERE key IN ({})", keys)
        return {key: (np.frombuffer(blob, "<f4"), tokens) for key, blob, tokens in rows}

    def put_vector(self, key: str, model: str, vector: NDArray[Any], tokens: int = 0) -> None:
        """Keep one vector; committed on return."""
        blob = vector.astype("<f4").tobytes()
        self._write(
            "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", (key, model, tokens, blob)
        )

    def fact(self, key: str) -> Any:
        """A remembered JSON value, or None."""
        rows = self._rows("SELECT key, value FROM facts WHERE key IN ({})", [key])
        return json.loads(rows[0][1]) if rows else None

    def put_fact(self, key: str, value: Mapping[str, Any]) -> None:
        """Remember a JSON value."""
        self._write("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, json.dumps(value)))

    def typical(self, model: str) -> tuple[float, float] | None:
        """(reply tokens, seconds) of the model's answers on average; None where there is none."""
        numbers = ", ".join(
            f"AVG(json_extract(reply, '$.{name}'))" for name in ("reply_tokens", "seconds")
        )
        tokens, seconds = self._ask(f"SELECT {numbers} FROM answers WHERE model = ?", (model,))[0]
        return None if tokens is None else (float(tokens), float(seconds or 0.0))

    def info(self) -> dict[str, Any]:
        """Counts of answers and vectors by model, and the size of the file in bytes."""
        by_model: dict[str, int] = {}
        for table in ("answers", "vectors"):
            question = f"SELECT model, COUNT(*) FROM {table} GROUP BY model"
            by_model |= {f"{model} {table}": count for model, count in self._ask(question)}
        return {
            "entries": sum(by_model.values()),
            "bytes": self.path.stat().st_size,
            "by model": by_model,
        }

    def _rows(self, question: str, keys: Sequence[str]) -> list[Any]:
        rows: list[Any] = []
        for start in range(0, len(keys), _IN_ONE_QUESTION):
            part = keys[start : start + _IN_ONE_QUESTION]
            rows += self._ask(question.format(",".join("?" * len(part))), part)
        return rows

    def _write(self, statement: str, values: Sequence[Any]) -> None:
        self._ask(statement, values)

    def _ask(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows a statement gives; what it changes is committed. Raises InputError."""
        try:
            return self._db.execute(statement, tuple(values)).fetchall()
        except sqlite3.DatabaseError as problem:
            raise self._damaged(problem) from problem

    def _damaged(self, problem: Exception) -> InputError:
        return InputError(
            f"the cache {self.path} cannot be used: {problem}", "delete it; answers are made anew"
        )


class ReadOnlyCache(Cache):
    """A cache that is looked at and left as it is, byte for byte; what is put is forgotten.

    An empty one where there is no file.
    """

    def _open(self) -> sqlite3.Connection:
        if not self.path.is_file() or not self.path.stat().st_size:
            db = sqlite3.connect(":memory:", isolation_level=None)
            db.executescript(_TABLES)
            return db
        # Whoever has the file open, or was killed, left a journal to be read; otherwise none is made.
        journal = self.path.with_name(self.path.name + "-wal").exists()
        mode = "mode=ro" if journal else "mode=ro&immutable=1"
        db = sqlite3.connect(f"{self.path.absolute().as_uri()}?{mode}", timeout=30, uri=True)
        self._check_version(db)
        return db

    def _write(self, statement: str, values: Sequence[Any]) -> None:
        """Nothing."""
