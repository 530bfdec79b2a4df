"""What SQLite and the system say of a cache file, sorted into the few troubles people tell apart."""

from __future__ import annotations

import sqlite3
from enum import Enum
from errno import EACCES, EDQUOT, ENOSPC, EPERM, EROFS

WAIT = 10.0  # seconds for another process; then it goes on without
SHORT_WAIT = 0.2  # once it was waited for in vain


class Trouble(Enum):
    """What stands in the way of a cache; everything else is a bug."""

    CORRUPT = "damaged"
    READ_ONLY = "may only be read"
    BUSY = "is held by another process"
    FULL = "lies on a full disk"
    DISK = "cannot be read or written just now (its disk says no)"


_PRIMARY = {
    sqlite3.SQLITE_CORRUPT: Trouble.CORRUPT,
    sqlite3.SQLITE_NOTADB: Trouble.CORRUPT,
    sqlite3.SQLITE_READONLY: Trouble.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Trouble.READ_ONLY,
    sqlite3.SQLITE_PERM: Trouble.READ_ONLY,
    sqlite3.SQLITE_BUSY: Trouble.BUSY,
    sqlite3.SQLITE_LOCKED: Trouble.BUSY,
    sqlite3.SQLITE_PROTOCOL: Trouble.BUSY,
    sqlite3.SQLITE_FULL: Trouble.FULL,
}
_LOCKING = (
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_UNLOCK,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
    sqlite3.SQLITE_IOERR_BLOCKED,
)


def trouble_of(problem: Exception) -> Trouble | None:
    """Which trouble an error of SQLite or of the system is; None for a bug."""
    if isinstance(problem, OSError):
        if problem.errno in (ENOSPC, EDQUOT):
            return Trouble.FULL
        return Trouble.READ_ONLY if problem.errno in (EACCES, EPERM, EROFS) else None
    code = getattr(problem, "sqlite_errorcode", None)
    if code is None:
        return None
    if code & 0xFF == sqlite3.SQLITE_IOERR:
        return Trouble.BUSY if code in _LOCKING else Trouble.DISK
    return _PRIMARY.get(code & 0xFF)
