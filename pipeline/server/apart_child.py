"""The process that holds the models of a server; `apart` starts it, `remote` says what it is asked.

Tasks come by a pipe and are done in threads, side by side. It ends when the pipe does, and what it has
started ends with it. The processor is the server's first; where memory ends, this process goes first.
"""

from __future__ import annotations

import atexit
import logging
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from logging.handlers import QueueHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..encoders import make_encoder
from ..engines import make_engine
from ..machine.devices import limit_threads
from ..machine.models import LOADING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from ..encoders.contract import Encoder, EncoderSpec
    from ..engines.contract import Engine, EngineSpec

THREADS = 8  # tasks that are done side by side
NICE = 10
FIRST_TO_GO = 500  # of Linux's -1000 to 1000
PATIENCE = 3.0  # seconds for what was started here to end by itself


class Held:
    """The models of this process: each is loaded when it is first wanted, once."""

    def __init__(self) -> None:
        self._models: list[tuple[Any, Any]] = []

    def engine(self, spec: EngineSpec) -> Engine:
        """Raises as `make_engine` does."""
        engine: Engine = self._of(spec, make_engine)
        return engine

    def encoder(self, spec: EncoderSpec) -> Encoder:
        """Raises as `make_encoder` does."""
        encoder: Encoder = self._of(spec, make_encoder)
        return encoder

    def _of(self, spec: Any, make: Callable[[Any], Any]) -> Any:
        with LOADING:
            for known, model in self._models:
                if known == spec:
                    return model
            self._models.append((spec, make(spec)))
            return self._models[-1][1]


class Task(Protocol):
    """What can be asked of this process; it is sent as it is."""

    def run(self, held: Held, tell: Callable[[Any], None]) -> Any:
        """Its answer; ``tell`` hands on a part of it at once."""
        ...


class Stop(NamedTuple):
    """Said of a task that nobody waits for any more, and of the process by no number."""


class Stopped(BaseException):
    """Raised within a task that was stopped; no fault that a model would hear of."""


class Part(NamedTuple):
    """A part of the answer to the task of this number."""

    number: int
    value: Any


class Done(NamedTuple):
    """The end of a task."""

    number: int
    value: Any


class Failed(NamedTuple):
    """What a task raised."""

    number: int
    problem: Exception


class Said(NamedTuple):
    """What a person is to hear."""

    record: logging.LogRecord


def serve(connection: Connection, threads: int) -> None:
    """Do tasks until the pipe ends, models with so many threads (0: as torch will)."""
    _settle()
    limit_threads(threads)
    process = _Process(connection)
    logging.getLogger("likebut").addHandler(process)
    logging.getLogger("likebut").propagate = False
    with suppress(EOFError, OSError):
        process.read()
    _end()


class _Process(QueueHandler):
    """Reads tasks, and sends what becomes of them; of its logs, too."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # its queue is the pipe
        self.connection, self.held = connection, Held()
        self.stopped: set[int] = set()
        self._pool = ThreadPoolExecutor(THREADS, "likebut-task")
        self._sending = threading.Lock()

    def read(self) -> None:
        """Read until the end. Raises EOFError where the server is gone."""
        while True:
            number, task = self.connection.recv()
            if not isinstance(task, Stop):
                self._pool.submit(self._do, number, task)
            elif number < 0:
                return
            else:
                self.stopped.add(number)

    def _do(self, number: int, task: Task) -> None:
        def tell(value: Any) -> None:
            if number in self.stopped:
                raise Stopped
            self._send(Part(number, value))

        try:
            self._send(Done(number, task.run(self.held, tell)))
        except Stopped:
            self.stopped.discard(number)
        except Exception as problem:
            self._send(Failed(number, _portable(problem)))

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send what was logged."""
        self._send(Said(record))

    def _send(self, said: Part | Done | Failed | Said) -> None:
        with self._sending, suppress(OSError):  # the server is gone, and the reader knows
            self.connection.send(said)


def _portable(problem: Exception) -> Exception:
    """The problem as another process can have it, with where it was raised."""
    where = "".join(traceback.format_exception(problem))
    try:
        problem.add_note(f"in the process of the models:\n{where}")
        pickle.loads(pickle.dumps(problem))  # not all that can be raised can be made anew
        return problem
    except Exception:
        return RuntimeError(f"in the process of the models:\n{where}")


def _settle() -> None:
    """A group of its own, which Ctrl-C does not reach; and what this process is worth to the machine."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        os.nice(NICE)
    with suppress(OSError):  # it is a wish, and Linux's
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO))


def _end() -> None:
    """End what was started here, by its own ways and for a little while, then all of the group."""

    def kill() -> None:
        if hasattr(os, "killpg"):
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(0)

    late = threading.Timer(PATIENCE, kill)
    late.daemon = True
    late.start()
    with suppress(Exception):
        atexit._run_exitfuncs()  # vLLM ends its workers so; threads that compute are not waited for
    kill()
