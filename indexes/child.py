"""A process that reads pictures for another; `processes` starts it.

It loads Pillow and NumPy, no model. What it prepares lies in memory that both see, so that only a few
words pass between them. It ends when the other does, however that ended.
"""

from __future__ import annotations

import mmap
import os
import traceback
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .decode import quiet
from .reading import Outcome, Reader

if TYPE_CHECKING:
    from .contract import Preparing

READY = "ready"
FIRST_TO_GO = 500  # of Linux's -1000 to 1000: where memory ends, a picture is lost and not the build


class Task(NamedTuple):
    """What a child is told first: how pictures are prepared, and the limits of reading them."""

    preparing: Preparing
    pixels_limit: int
    pillow_limit: int | None


class Asking(NamedTuple):
    """Whether this content is known; answered with a bool."""

    content_hash: str


class Read(NamedTuple):
    """An outcome whose array lies at the start of the shared memory."""

    outcome: Outcome
    shape: tuple[int, ...] = ()
    dtype: str = ""


def serve(channel: int, memory: int) -> None:
    """Read files that are named on the connection ``channel`` until it is closed.

    ``memory`` is a file of this process alone and of the one that asks; it grows as is needed.
    """
    with suppress(OSError):  # it is a wish
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO))
    connection = Connection(channel)
    with suppress(EOFError, ConnectionError), quiet():
        _answer(connection, memory)


def _answer(connection: Any, memory: int) -> None:
    from PIL import Image

    task: Task = connection.recv()
    Image.MAX_IMAGE_PIXELS = task.pillow_limit

    def is_known(content_hash: str) -> bool:
        connection.send(Asking(content_hash))
        return bool(connection.recv())

    reader = Reader(task.preparing, is_known, task.pixels_limit)
    shared = _Shared(memory)
    connection.send(READY)
    while True:
        found = connection.recv()
        try:
            answer: Any = shared.put(reader.read(found))
        except (EOFError, ConnectionError):
            raise
        except Exception as bug:
            bug.add_note(f"in a process that reads pictures:\n{traceback.format_exc()}")
            answer = bug
        connection.send(answer)


class _Shared:
    """Memory that another process reads; one picture at a time."""

    def __init__(self, file: int) -> None:
        self.file, self.size = file, 0
        self.map: mmap.mmap | None = None

    def put(self, outcome: Outcome) -> Read:
        """The outcome without its array, which is written down here."""
        import numpy as np

        array = outcome.array
        if array is None:
            return Read(outcome)
        if self.map is None or array.nbytes > self.size:
            self.size = max(1, array.nbytes)
            os.ftruncate(self.file, self.size)
            self.map = mmap.mmap(self.file, self.size)
        np.ndarray(array.shape, array.dtype, self.map)[...] = array
        return Read(replace(outcome, array=None), array.shape, array.dtype.str)
