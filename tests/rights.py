"""Folders that may only be read, for root, too: who runs the tests may be root."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OVERRIDES = 0b110  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
_VERSION = 0x20080522


@contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    """Within, nothing can be made, changed or deleted in ``folders`` or below by this thread."""
    places = [place for top in folders for place in (top, *top.rglob("*"))]
    before = {place: place.stat().st_mode for place in places}
    for place in reversed(places):
        place.chmod(before[place] & ~0o222)
    try:
        with _as_anybody():
            yield
    finally:
        for place in places:
            place.chmod(before[place])


@contextmanager
def _as_anybody() -> Iterator[None]:
    """Without root's right to pass over permissions."""
    if os.geteuid() != 0 or sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    head = (ctypes.c_uint32 * 2)(_VERSION, 0)
    held = (ctypes.c_uint32 * 6)()
    if libc.capget(head, held) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    fewer = (ctypes.c_uint32 * 6)(*held)
    fewer[0] &= ~_OVERRIDES
    if libc.capset(head, fewer) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    try:
        yield
    finally:
        libc.capset(head, held)
