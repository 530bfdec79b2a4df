"""Files opened and files moved aside, never both at once.

SQLite finds a file's log by the file's name. One that is opened while its name passes to a new file
would take the new file's log for its own, and lose what is in it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def held(folder: Path, moves: bool) -> Iterator[None]:
    """Within, no other thread or process opens files of ``folder``, if one is to be moved; otherwise
    none moves them. Nothing is held where there is no folder, or its drive knows no such holds.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):  # some drives of other machines
            fcntl.flock(handle, fcntl.LOCK_EX if moves else fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def inode_of(path: Path) -> int:
    """What tells a file from one that took its name; 0 where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0
