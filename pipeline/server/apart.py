"""The process that holds the models of a server: started when it is first asked, and again after it died.

Models and Python share one lock within a process: while a model writes, every other request would wait for
it. So they have a process of their own, and that one leaves the processor to the server's. The two are
joined by a pipe and by nothing else: it ends with the server, whatever ended that.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import wait
from queue import SimpleQueue
from typing import Any

from ...indexes.endings import how_ended
from ..errors import ModelError
from ..machine.devices import threads_limit
from .apart_child import Done, Failed, Part, Said, Stop, Task, serve
from .problems import Refused

Hear = Callable[[Any], None]
PATIENCE = 5.0  # seconds until a process that was told to end is killed


class Apart:
    """The models' process. Of several threads at once; what they ask is done side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._ended = False

    def ask(self, task: Task, hear: Hear | None = None) -> Any:
        """What the task gives there; ``hear`` is handed each part of it as it comes, in this thread.

        Raises what the task raises, what ``hear`` raises (then the task is stopped at its next part),
        and ModelError where the process dies or cannot be started.
        """
        return self._living().ask(task, hear or (lambda part: None))

    @property
    def pid(self) -> int | None:
        """The number of the process; None where there is none."""
        child = self._child
        return child.process.pid if child and not child.death else None

    def _living(self) -> _Child:
        with self._lock:
            if self._ended:
                raise Refused(503, "the server is ending", "start it again")
            if self._child is None or self._child.death:
                try:
                    self._child = _Child()
                except OSError as problem:
                    raise ModelError(
                        f"no process can be started for the models: {problem.strerror}", "free some memory"
                    ) from problem
                atexit.register(self.end)  # before what waits for processes that live
            return self._child

    def end(self) -> None:
        """End the process; what it is doing is given up."""
        with self._lock:
            self._ended = True
            if self._child:
                self._child.end()


class _Child:
    """One process and the pipe to it; a thread hears what it says and hands it to whoever waits."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, threads_limit()), name="likebut-models")
        self.death = ""  # how it ended
        self._waiting: dict[int, SimpleQueue[Any]] = {}
        self._numbers = itertools.count()
        self._lock, self._sending, self._finishing = threading.Lock(), threading.Lock(), threading.Lock()
        try:
            with _undisturbed():
                self.process.start()
        finally:
            theirs.close()
        threading.Thread(target=self._hear, name="likebut-models", daemon=True).start()

    def ask(self, task: Task, hear: Hear) -> Any:
        """See `Apart.ask`."""
        number, answers = next(self._numbers), SimpleQueue[Any]()
        with self._lock:
            if self.death:
                raise self._died()
            self._waiting[number] = answers
        try:
            self._send((number, task))
            while isinstance(said := answers.get(), Part):
                try:
                    hear(said.value)
                except BaseException:
                    self._send((number, Stop()))
                    raise
        finally:
            self._waiting.pop(number, None)
        if isinstance(said, Done):
            return said.value
        raise said.problem if isinstance(said, Failed) else self._died()

    def _send(self, words: tuple[int, Any]) -> None:
        with self._sending, suppress(OSError):  # whoever waits is told by the thread that hears
            self.connection.send(words)

    def _hear(self) -> None:
        try:
            with suppress(EOFError, OSError):
                while True:
                    said = self.connection.recv()
                    if isinstance(said, Said):
                        logging.getLogger(said.record.name).handle(said.record)
                    elif answers := self._waiting.get(said.number):
                        answers.put(said)
        finally:
            self._finish()
            with self._lock:  # who comes later sees that it is dead
                waiting = list(self._waiting.values())
            for answers in waiting:
                answers.put(None)

    def _died(self) -> ModelError:
        return ModelError(
            f"the process of the models {self.death}",
            "ask again, and it is started anew; where memory was too little, choose a smaller model or "
            "batch_size",
        )

    def end(self) -> None:
        """Let it end what it has started, a little while, and kill what is left."""
        self._send((-1, Stop()))
        self._finish()

    def _finish(self) -> None:
        """Wait a little for its end, and kill what is left of it and of what it started.

        Only then is it asked how it ended: until somebody asks, its number is nobody else's.
        """
        with self._finishing:
            if not self.death:
                wait([self.process.sentinel], PATIENCE)
                if self.process.pid and hasattr(os, "killpg"):
                    with suppress(OSError):
                        os.killpg(self.process.pid, signal.SIGKILL)
                self.process.kill()
                self.process.join(PATIENCE)
                self.death = how_ended(self.process.exitcode)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C is for this process: another that starts meanwhile does not hear it until it says so."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
