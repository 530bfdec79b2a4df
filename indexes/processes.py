"""A mapper whose workers are processes: for machines where the threads of one would wait for each other.

They are started anew (not forked: a model's threads would not survive that) and load no model. Each is
served by a thread of this process, which only waits for it: order and results are those of threads. A
process that dies takes one picture with it, and another is started. They hold nothing that could be
left behind, and end when this process does, even if it is killed.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from multiprocessing import Pipe
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any

from .child import READY, Asking, Read, Task
from .endings import how_ended
from .errors import EXIT_USAGE, GalleryError
from .reading import Outcome, Work, in_threads

if TYPE_CHECKING:
    from .scan import File

_START = (
    "import sys; sys.path[:] = sys.argv[3:]; from {module} import serve; serve(*map(int, sys.argv[1:3]))"
)


class Died(Exception):
    """The process is no more; says how it ended."""


def in_processes(
    files: Iterable[File], worker: Callable[[], Any], workers: int, ahead: int
) -> Generator[Outcome]:
    """As `reading.in_threads`, by so many processes. ``worker`` is a `reading.Work`.

    Raises GalleryError where processes cannot prepare what this encoder wants, or do not start.
    """
    from PIL import Image

    if not isinstance(worker, Work) or (preparing := worker.preparing) is None:
        raise GalleryError("pictures cannot be prepared in other processes here", "use threads", EXIT_USAGE)
    task = Task(preparing, worker.pixels_limit, Image.MAX_IMAGE_PIXELS)
    crew = _Crew(task, worker.known, workers)
    try:
        yield from in_threads(files, lambda: crew.read, workers, ahead)
    finally:
        crew.end()


class _Crew:
    """Processes, each started when it is first needed, and again after it died."""

    def __init__(self, task: Task, known: Callable[[str], bool], workers: int) -> None:
        self.task, self.known = task, known
        self.ended = False
        self.living: set[_Child] = set()
        self.idle: SimpleQueue[_Child | None] = SimpleQueue()  # None: one may be started
        for _ in range(workers):
            self.idle.put(None)

    def read(self, found: File) -> Outcome:
        """The outcome of one file, by a process that is idle. Called in threads."""
        child = self.idle.get()
        try:
            if child is None:
                child = self._start()
            return child.read(found, self.known)
        except Died as death:
            if child:
                self.living.discard(child)
            child = None
            return Outcome(found, reason=f"its decoder {death}")
        finally:
            self.idle.put(child)

    def _start(self) -> _Child:
        if self.ended:
            raise Died("was no longer wanted")
        child = _Child()
        self.living.add(child)
        child.begin(self.task)
        return child

    def end(self) -> None:
        """End all; what they were doing is given up."""
        self.ended = True
        for child in list(self.living):
            child.end()


class _Child:
    """One process, the connection to it, and the memory that it writes pictures to."""

    def __init__(self) -> None:
        self.connection, theirs = Pipe()
        self.memory = _memory()
        self.map: mmap.mmap | None = None
        given = theirs.fileno(), self.memory.fileno()
        module = f"{__package__}.child"
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _START.format(module=module), *map(str, given), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=given,
                process_group=0,  # Ctrl-C is for this process, which ends them
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        finally:
            theirs.close()

    def begin(self, task: Task) -> None:
        """Wait until it is ready. Raises GalleryError where it does not come up."""
        try:
            self.connection.send(task)
            ready = self.connection.recv() == READY
        except (EOFError, OSError):
            ready = False
        if not ready:
            how = self._how()
            self.end()
            raise GalleryError(f"a process to read pictures {how} as it started", "use threads")

    def read(self, found: File, known: Callable[[str], bool]) -> Outcome:
        """The outcome of one file. Raises Died, and what is a bug there."""
        try:
            self.connection.send(found)
            answer = self.connection.recv()
            while isinstance(answer, Asking):
                self.connection.send(known(answer.content_hash))
                answer = self.connection.recv()
        except (EOFError, OSError) as error:
            how = self._how()
            self.end()
            raise Died(how) from error
        if isinstance(answer, Exception):
            raise answer
        return self._with_array(answer)

    def _with_array(self, read: Read) -> Outcome:
        """The outcome with a copy of its array: the process goes on to write the next one."""
        import numpy as np

        if not read.dtype:
            return read.outcome
        size = max(1, int(np.prod(read.shape)) * np.dtype(read.dtype).itemsize)
        if self.map is None or len(self.map) < size:
            self.map = mmap.mmap(self.memory.fileno(), size, prot=mmap.PROT_READ)
        array = np.ndarray(read.shape, read.dtype, self.map).copy()
        return replace(read.outcome, array=array)

    def _how(self) -> str:
        """How it ended, in words."""
        try:
            return how_ended(self.process.wait(10))
        except subprocess.TimeoutExpired:
            return how_ended(None)

    def end(self) -> None:
        """Kill it, if it lives, and give back what it held."""
        self.process.kill()
        self.process.wait()
        self.connection.close()
        self.memory.close()


def _memory() -> IO[bytes]:
    """A file in memory, without a name: nothing of it outlives those who hold it."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("likebut"), "r+b", 0)
    return tempfile.TemporaryFile()
