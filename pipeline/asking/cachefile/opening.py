"""A cache file opened: to write where that is possible, else to read, else as one that holds nothing.

A file that may only be read, or that another process holds, is read. A file of another kind is left
alone. Only what SQLite calls corrupt is given up (see ``rescue``).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EACCES
from pathlib import Path

from ...errors import InputError
from .journals import choose_journal, connect, without_log
from .trouble import SHORT_WAIT, WAIT, Trouble, trouble_of

# 2: answers say how they ended; 3: they come with their question and when they were made
VERSION = 3
TABLES = """
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, model TEXT, reply TEXT, frame INTEGER,
    asked TEXT, made INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS frames (id INTEGER PRIMARY KEY, hash TEXT UNIQUE, text TEXT);
CREATE INDEX IF NOT EXISTS unasked ON answers (key) WHERE frame IS NULL;
CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, model TEXT, tokens INTEGER, vector BLOB)
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
_TO_3 = tuple(
    f"ALTER TABLE answers ADD COLUMN {column}" for column in ("frame INTEGER", "asked TEXT", "made INTEGER")
)
_HEADER = b"SQLite format 3\0"


@dataclass
class Opened:
    """A connection, and what keeps it from being written, if anything."""

    db: sqlite3.Connection
    trouble: Trouble | None = None


def open_file(path: Path, wait: float | None = None) -> Opened:
    """The cache file, made with its folder if missing, brought to today's format.

    Waits so many seconds (`WAIT`) for another process that holds it.

    Raises InputError for a file of another kind or of a newer likebut, and sqlite3.DatabaseError
    where it is corrupt.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _try_to_write(path)
    except OSError as problem:
        trouble = trouble_of(problem)
        if trouble is None:
            raise InputError(
                f"cannot use the cache {path}: {problem.strerror or problem}",
                "name another file with --cache",
            ) from problem
        return open_to_read(path, trouble)
    try:
        return Opened(_open_to_write(path, WAIT if wait is None else wait))
    except sqlite3.DatabaseError as problem:
        trouble = trouble_of(problem)
        if trouble is Trouble.CORRUPT:
            check_kind(path)
        if trouble in (None, Trouble.CORRUPT):
            raise
        return open_to_read(path, trouble)


def _try_to_write(path: Path) -> None:
    """Raises OSError for a place where no file can be written; a file of zero bytes is made.

    A database that is there is not opened: closing it would end the locks of all connections that this
    process has to it, and with them the log that they write.
    """
    if not path.is_file():
        path.open("ab").close()
    elif not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(EACCES, os.strerror(EACCES), str(path))


def check_kind(path: Path) -> None:
    """Raises InputError for a file that is no database; one of zeros is a database that was lost."""
    if not path.is_file():
        return
    with suppress(FileNotFoundError), path.open("rb") as file:
        start = file.read(len(_HEADER))
    if start.strip(b"\0") and start != _HEADER:
        raise InputError(
            f"cannot use the cache {path}: it is a file of another kind",
            "name another file with --cache; this one is left as it is",
        )


def _open_to_write(path: Path, wait: float) -> sqlite3.Connection:
    db = connect(path, wait)
    try:
        _version(db, path)  # a database of something else is not even looked at longer
        choose_journal(db, path)
        if _version(db, path) != VERSION:
            bring_to_version(db, path)
        return db
    except sqlite3.DatabaseError as problem:
        db.close()
        # what is wrong with the log looks like one of these
        shared = problem.sqlite_errorcode == sqlite3.SQLITE_PROTOCOL
        if not shared and trouble_of(problem) not in (Trouble.READ_ONLY, Trouble.FULL, Trouble.DISK):
            raise
        if not without_log(path):
            raise
    db = connect(path, wait)
    if _version(db, path) != VERSION:
        bring_to_version(db, path)
    return db


def open_to_read(path: Path, trouble: Trouble) -> Opened:
    """The file as it is, without a lock or a trace; nothing where it cannot even be read.

    Raises InputError for a file of another kind, and sqlite3.DatabaseError where it is corrupt.
    """
    try:
        if not path.is_file() or not path.stat().st_size:
            return Opened(empty(), trouble)
        # Whoever has the file open, or was killed, left a log to be read; otherwise none is made.
        log = path.with_name(path.name + "-wal")
        modes = ["mode=ro"] if log.exists() and trouble is Trouble.READ_ONLY else []
        for mode in (*modes, "mode=ro&immutable=1"):
            with suppress(sqlite3.OperationalError):
                db = sqlite3.connect(
                    f"{path.absolute().as_uri()}?{mode}",
                    timeout=SHORT_WAIT,
                    uri=True,
                    isolation_level=None,
                    check_same_thread=False,
                )
                _version(db, path)
                if db.execute("SELECT 1 FROM sqlite_master WHERE name='answers'").fetchone():
                    return Opened(db, trouble)
                db.close()
    except OSError:
        pass
    except sqlite3.DatabaseError:
        check_kind(path)
        raise
    return Opened(empty(), trouble)


def empty() -> sqlite3.Connection:
    """A cache in memory that holds nothing."""
    db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    db.executescript(TABLES)
    return db


def bring_to_version(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables, or bring those of an older likebut to this format."""
    with whole(db):
        found = _version(db, path)  # another process may have been quicker
        old = db.execute("SELECT 1 FROM sqlite_master WHERE name='answers'").fetchone()
        steps = _TO_3 if old and found < VERSION else ()
        for statement in (*steps, *TABLES.split(";")):
            db.execute(statement)
        db.execute(f"PRAGMA user_version={VERSION}")


def _version(db: sqlite3.Connection, path: Path) -> int:
    """The format of the file; one of a newer likebut, or of something else, is left alone."""
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    if tables and "answers" not in tables:
        raise InputError(
            f"cannot use the cache {path}: it is a database of something else",
            "name another file with --cache; this one is left as it is",
        )
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > VERSION:
        raise InputError(
            f"the cache {path} was written by a newer likebut (format {found})",
            "update likebut, or name another file with --cache",
        )
    return found


@contextmanager
def whole(db: sqlite3.Connection) -> Iterator[None]:
    """A transaction that is kept as a whole or not at all."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
