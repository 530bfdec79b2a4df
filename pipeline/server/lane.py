"""The lane of models: requests that come together are put to the models together.

Models answer a batch sooner than its parts one by one. So a thread waits a few milliseconds for others
where it was idle, and takes all that came meanwhile where it was not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from ...indexes.errors import GalleryError
from ..asking.wanted import Unwanted, as_long_as, check_wanted
from ..errors import LikebutError
from ..records.trace import Trace
from ..stages.contract import Stage
from ..stages.running import run
from .asker import Asker, cancelled
from .problems import Refused

OnStage = Callable[[str, bool], None]
QUIET = "earlier"  # a stage that nobody is told about: it is describe and reason of earlier turns


@dataclass(frozen=True, eq=False)
class Job:
    """Traces that one request wants to go through stages; those of one ``key`` are the same stages."""

    key: Hashable
    traces: Sequence[Trace]
    stages: Sequence[Stage]
    told: OnStage
    found: Future[list[Trace]] = field(default_factory=Future)


class Lane:
    """``workers`` threads that run batches of at most ``most`` traces; ``room`` requests may wait."""

    def __init__(self, workers: int = 1, wait: float = 0.015, most: int = 32, room: int = 64) -> None:
        self.wait, self.most, self.room = wait, most, room
        self.batches = 0  # how many were run, for whoever measures
        # A whole batch is answered at once: what its requests go on to do, they do one after the other,
        # or those who only rank again would wait for all of them.
        self.after = threading.Lock()
        self._jobs: list[Job] = []
        self._running: list[Job] = []
        self._changed = threading.Condition()
        self._closed = False
        # Daemons: a model that is still at work does not hold up the end of the program.
        for number in range(workers):
            threading.Thread(target=self._work, name=f"likebut-lane-{number}", daemon=True).start()

    def ask(
        self, key: Hashable, traces: Sequence[Trace], stages: Sequence[Stage], told: OnStage
    ) -> list[Trace]:
        """The traces after the stages.

        Raises what these raise, and Refused where too many wait, or whoever asked went away.
        """
        job = Job(key, traces, stages, told)
        with self._changed:
            if self._closed:
                raise Refused(503, "the server is ending", "start it again")
            if len(self._jobs) >= self.room:
                raise Refused(429, f"{len(self._jobs)} requests wait for the models", "try again", after=2)
            self._jobs.append(job)
            self._changed.notify_all()
        if isinstance(told, Asker):
            told.on_leaving(partial(self._drop, job))
        return job.found.result()

    def _drop(self, job: Job) -> None:
        """Nobody waits for a job: it is taken out, or its batch stops where it was the last one wanted."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
        with suppress(InvalidStateError):  # it is done
            job.found.set_exception(cancelled())

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._jobs)

    def close(self) -> None:
        """Take no more; those that wait are told so."""
        with self._changed:
            self._closed = True
            for job in (*self._jobs, *self._running):
                if not job.found.done():
                    job.found.set_exception(Refused(503, "the server is ending", "start it again"))
            self._jobs.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            self.batches += 1
            self._running += batch
            _answer(batch)
            for job in batch:
                self._running.remove(job)

    def _next(self) -> list[Job] | None:
        """The jobs of the next batch, None at the end."""
        with self._changed:
            while True:
                idle = not self._jobs
                while not self._jobs and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return None
                if idle:
                    self._gather()
                if batch := self._taken():
                    return batch

    def _gather(self) -> None:
        """Wait for others a little."""
        ends = time.monotonic() + self.wait
        while (left := ends - time.monotonic()) > 0 and len(self._jobs) < self.most:
            self._changed.wait(left)

    def _taken(self) -> list[Job]:
        """The oldest job, and those of its key, as long as they fit."""
        taken: list[Job] = []
        for job in list(self._jobs):
            fits = sum(len(one.traces) for one in (*taken, job)) <= self.most
            if not taken or (job.key == taken[0].key and fits):
                taken.append(job)
                self._jobs.remove(job)
        return taken


def passed(traces: Sequence[Trace], stages: Sequence[Stage], told: OnStage) -> list[Trace]:
    """The traces after the stages, one after the other."""
    found = list(traces)
    for stage in stages:
        if stage.name != QUIET:
            told(stage.name, False)
        found = run(stage, found)
        if stage.name != QUIET:
            told(stage.name, True)
    return found


def _answer(batch: Sequence[Job]) -> None:
    """Run a batch; where one request is at fault each goes alone."""

    def everyone(stage: str, done: bool) -> None:
        check_wanted()
        for job in batch:
            job.told(stage, done)

    def wanted() -> bool:
        return not all(job.found.done() for job in batch)

    try:
        with as_long_as(wanted):
            found = passed([trace for job in batch for trace in job.traces], batch[0].stages, everyone)
    except Unwanted:
        return
    except BaseException as problem:
        if len(batch) > 1 and not isinstance(problem, LikebutError | GalleryError):
            for job in batch:
                _answer([job])
            return
        for job in batch:
            with suppress(InvalidStateError):  # the server is ending
                job.found.set_exception(problem)
        return
    start = 0
    for job in batch:
        with suppress(InvalidStateError):
            job.found.set_result(found[start : start + len(job.traces)])
        start += len(job.traces)
