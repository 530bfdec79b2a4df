"""One writer per index folder: a lock that the operating system drops when its process dies.

Readers never take it: an index is replaced in one step, and whoever opened the earlier one keeps it.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import IndexBusy

LOCK = ".lock"
_log = logging.getLogger(__name__)


@contextmanager
def write_lock(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of ``folder``; the file is gone afterwards. Gives whether it had to wait.

    While another process has it: waits, and says so once, or raises ``IndexBusy``.
    """
    path = folder / LOCK
    handle, waited = _taken(path, wait)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield waited
    finally:
        # removed while still held: whoever opened it meanwhile sees that it is another file
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def wait_for_writer(folder: Path) -> bool:
    """Wait until nobody writes in ``folder``, without taking the lock; whether anybody did."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(handle, fcntl.LOCK_SH)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _taken(path: Path, wait: bool) -> tuple[int, bool]:
    waited = False
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if waited:
                fcntl.flock(handle, fcntl.LOCK_EX)
            else:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(path).st_ino == os.fstat(handle).st_ino:
                return handle, waited
        except FileNotFoundError:
            pass  # the previous holder finished between open and lock
        except BlockingIOError as error:
            pid = os.read(handle, 20).decode("ascii", "replace") or "unknown"
            busy = f"another process ({pid}) is writing the index in {path.parent}"
            if not wait:
                os.close(handle)
                raise IndexBusy(busy, "wait until it has finished") from error
            _log.warning("%s: waiting for it", busy)
            waited = True
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
