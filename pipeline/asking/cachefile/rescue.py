"""What becomes of a cache that SQLite calls corrupt: it is moved aside, and what is whole taken over.

Nothing is deleted: the answers were paid for.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from .opening import whole
from .standing import held


def move_aside(path: Path, inode: int) -> Path | None:
    """Move a corrupt file, and its log, to a name that is free; None where another process did it.

    Raises OSError where the folder cannot be written.
    """
    with held(path.parent, moves=True):  # of all who find it corrupt one moves it
        if not path.exists() or path.stat().st_ino != inode:
            return None
        number, place = 1, path.with_name(f"{path.name}.damaged")
        while place.exists():
            number += 1
            place = path.with_name(f"{path.name}.damaged-{number}")
        for ending in ("-wal", ""):
            with suppress(FileNotFoundError):
                os.rename(path.with_name(path.name + ending), place.with_name(place.name + ending))
        with suppress(FileNotFoundError):
            path.with_name(path.name + "-shm").unlink()
        return place


def take_over(damaged: Path, db: sqlite3.Connection) -> int:
    """Copy the answers and vectors that can still be read of a damaged file; how many answers."""
    before = db.execute("SELECT COUNT(*) FROM answers").fetchone()[0]
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(damaged)) as old, whole(db):
        frames: dict[int | None, int | None] = {None: None}
        for number, hashed, text in _readable(old, "id, hash, text FROM frames"):
            db.execute("INSERT OR IGNORE INTO frames (hash, text) VALUES (?, ?)", (hashed, text))
            found = db.execute("SELECT id FROM frames WHERE hash = ?", (hashed,)).fetchone()
            frames[number] = found[0] if found else None
        for key, model, reply, frame, asked, made in _readable(
            old, "key, model, reply, frame, asked, made FROM answers"
        ):
            if _is_reply(reply):
                row = (key, model, reply, frames.get(frame), asked, made)
                db.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)
        for vector in _readable(old, "key, model, tokens, vector FROM vectors"):
            db.execute("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?, ?)", vector)
    return int(db.execute("SELECT COUNT(*) FROM answers").fetchone()[0]) - int(before)


def _readable(old: sqlite3.Connection, columns: str) -> Iterator[Sequence[Any]]:
    """The rows that can be read, from both ends to where the table is damaged; some twice."""
    for way in ("ASC", "DESC"):
        with suppress(sqlite3.DatabaseError):
            yield from old.execute(f"SELECT {columns} ORDER BY 1 {way}")


def _is_reply(text: object) -> bool:
    try:
        return isinstance(json.loads(str(text))["text"], str)
    except (ValueError, KeyError, TypeError):
        return False
