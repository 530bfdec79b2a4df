"""One writer per index folder: a lock that the operating system drops when its process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from indexes.errors import IndexBusy

LOCK = ".lock"


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of ``folder``; the file is gone afterwards. Raises ``IndexBusy``."""
    path = folder / LOCK
    handle = _taken(path)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        # removed while still held: whoever opened it meanwhile sees that it is another file
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def _taken(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(path).st_ino == os.fstat(handle).st_ino:
                return handle
        except FileNotFoundError:
            pass  # the previous holder finished between open and lock
        except BlockingIOError as error:
            pid = os.read(handle, 20).decode("ascii", "replace") or "unknown"
            os.close(handle)
            raise IndexBusy(
                f"another process ({pid}) is writing the index in {path.parent}",
                "wait until it has finished",
            ) from error
        os.close(handle)
