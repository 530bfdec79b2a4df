"""Which of SQLite's journals a cache file can have where it lies.

A write-ahead log lets readers and a writer pass each other. It needs memory that all processes share,
so it cannot work on drives of other machines: known by name, or found by trying.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from .trouble import SHORT_WAIT

_NETWORK = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "smb2",
        "afs",
        "ncpfs",
        "ceph",
        "9p",
        "lustre",
        "gpfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.rclone",
        "fuse.davfs",
        "davfs",
        "webdav",
    ]
)


def connect(path: Path, wait: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)


def choose_journal(db: sqlite3.Connection, path: Path) -> None:
    """A write-ahead log, so that readers and a writer pass each other, but on network drives."""
    if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal" and not on_network(path):
        with suppress(sqlite3.OperationalError):  # others may be in it, or it may only be read
            db.execute("PRAGMA journal_mode=WAL")
    db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()  # touches the log
    if db.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        db.execute("PRAGMA synchronous=NORMAL")


def without_log(path: Path) -> bool:
    """Bring a file to the older journal where its log cannot be used; whether that was possible."""
    if not path.stat().st_size:
        return False
    with suppress(sqlite3.DatabaseError), closing(connect(path, SHORT_WAIT)) as db:
        # alone in the file, SQLite needs no memory that is shared with others
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            return False
        return bool(db.execute("PRAGMA journal_mode=DELETE").fetchone()[0] == "delete")
    return False


def on_network(path: Path, mounts: Path = Path("/proc/self/mounts")) -> bool:
    """Whether a file lies on a drive of another machine, as far as this system tells."""
    try:
        lines = mounts.read_text(errors="replace").split("\n")
        place = path.resolve()
    except OSError:
        return False
    best, kind = -1, ""
    for fields in (line.split(" ") for line in lines):
        if len(fields) > 2:
            top = Path(fields[1].replace("\\040", " "))
            if (place == top or top in place.parents) and len(top.parts) >= best:
                best, kind = len(top.parts), fields[2]
    return kind in _NETWORK
