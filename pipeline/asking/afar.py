"""Engines whose work a Ray cluster does: requests go to workers some at a time, replies come back here.

Cache, budget and ledger stay where they are, in front of the engine, so what is kept, counted and written
is that of one machine. Each worker is a process that loads the engines it is asked for and keeps them. One
that is lost is Ray's to replace, and what it had is asked again; a request that ends whoever answers it
is found by asking it alone, and fails alone.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from math import ceil
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from ...indexes.cluster import alone, connected, nodes_of, told
from ...indexes.remote import is_elsewhere
from ..engines import make_engine
from ..engines.contract import Engine, EngineSpec, OnReply, Request
from ..errors import InputError, LikebutError, ModelError
from ..machine import models
from ..records.chat import FAILED, Reply
from ..records.keys import file_hash
from .weights import contents

if TYPE_CHECKING:
    from pathlib import Path

RETRIES = 10  # of a part whose worker was lost; then each of its requests is asked alone
_BATCHES = 4  # of an engine that go to a worker together: it prepares the next one while it works on one
_ROUNDS = 2  # so many parts a worker: who is done first takes another
_PATIENCE = 60.0  # seconds without a first reply, after which it is said what is waited for
_CRASHED = "whoever answers it crashes"
_Replies = tuple[Sequence[int], list[Reply]]  # places of some requests, and theirs
_log = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """An engine as a worker is to have it; ``weights`` are the hash of those that lie in files."""

    spec: EngineSpec
    weights: str

    def load(self) -> Engine:
        """The engine. Raises ModelError where it is another here, and what `make_engine` does."""
        if self.weights and contents(self.spec) != self.weights:
            raise ModelError(
                f"the weights of {self.spec.model} are others than those of who asks",
                "give all machines the same models and the same likebut",
            )
        return make_engine(self.spec)


class AfarEngine:
    """An engine that workers have. What they cannot look at, they refuse."""

    sees = True

    def __init__(self, workers: Workers, wanted: Wanted) -> None:
        self.workers, self.wanted = workers, wanted

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """As of an engine here. Raises GalleryError where the cluster is lost, and what a worker raises."""
        replies: dict[int, Reply] = {}
        with self.workers.lock, self.workers.told():
            for places, found in self.workers.replies(self.wanted, requests):
                for place, reply in zip(places, found, strict=True):
                    replies[place] = reply
                    if on_reply:
                        on_reply(place, reply)
        return [replies[place] for place in range(len(requests))]


class Workers:
    """The workers of a cluster, started when something is first asked, for all engines of a setup.

    Each has ``gpus`` GPUs, or up to four cores where there is none. With ``offline`` none may download.
    """

    def __init__(self, address: str, gpus: int = 1, *, offline: bool = False) -> None:
        self.address, self.gpus, self.offline = address, gpus, offline
        self.lock = Lock()  # one engine at a time: they share what the workers have
        self._heard = False
        self._pool: Any = None

    def engine(self, spec: EngineSpec, weights: str) -> AfarEngine:
        """The engine of a spec; nothing is connected yet."""
        return AfarEngine(self, Wanted(spec, weights))

    def told(self) -> AbstractContextManager[None]:
        """See `told`, of this cluster."""
        return told(self._ray, self.address)

    def at_once(self, spec: EngineSpec) -> int:
        """How many requests it takes to keep all of them busy."""
        return len(self._actors) * max(1, spec.batch_size) * _BATCHES * _ROUNDS

    def commit(self, spec: EngineSpec) -> str:
        """The commit of a hub model that a worker has, or fetches."""
        with self.told():
            return str(self._ray.get(self._actors[0].commit.remote(Wanted(spec, ""))))

    def replies(self, wanted: Wanted, requests: Sequence[Request]) -> Iterator[_Replies]:
        """Places of some requests and their replies, as they come."""
        parts = cut(len(requests), len(self._actors), wanted.spec.batch_size)
        lost = yield from self._parts(wanted, requests, parts)
        singles = [[place] for part in lost for place in part]
        for part in (yield from self._parts(wanted, requests, singles)):
            yield part, [Reply("", finish=FAILED, error=_CRASHED)]

    def _parts(
        self, wanted: Wanted, requests: Sequence[Request], parts: Sequence[Sequence[int]]
    ) -> Generator[_Replies, None, list[Sequence[int]]]:
        """As ``replies``, of these parts; gives back those whose workers were lost once too often."""
        left = dict(enumerate(parts))
        pool = self._pool = self._pool or self._ray.util.ActorPool(self._actors)
        try:
            for number, places in left.items():
                asked = [requests[place] for place in places]
                pool.submit(_answer, (number, wanted, asked, _pictures(asked)))
            while pool.has_next():
                answered = self._next(pool)
                if answered is not None:
                    number, replies = answered
                    yield left.pop(number), replies
        except BaseException:
            self._pool = None  # what is under way there is nobody's any more
            self.__dict__.pop("_actors", None)
            raise
        return list(left.values())

    def _next(self, pool: Any) -> tuple[int, list[Reply]] | None:
        """What comes next from any worker; None where one was lost with it, once too often."""
        lost = self._ray.exceptions
        while True:
            try:
                found: tuple[int, list[Reply]] = pool.get_next_unordered(None if self._heard else _PATIENCE)
            except TimeoutError:
                _log.warning(
                    "no answer yet: the workers of Ray load the model, or wait for a machine (ray status)"
                )
            except (lost.RayActorError, lost.WorkerCrashedError, lost.OutOfMemoryError):
                self._ray.nodes()  # it was the worker, and not the cluster
                return None
            else:
                return found
            finally:
                self._heard = True

    @cached_property
    def _ray(self) -> Any:
        return connected(self.address)[0]

    @cached_property
    def _actors(self) -> list[Any]:
        ray = self._ray
        with self.told():
            room = alone(nodes_of(ray), self.gpus)
            actor = ray.remote(_Worker).options(
                num_cpus=room.cpus, num_gpus=room.gpus, max_restarts=-1, max_task_retries=RETRIES
            )
            return [actor.remote(self.offline) for _ in range(room.towers)]


def cut(count: int, workers: int, batch: int) -> list[Sequence[int]]:
    """The places of so many requests in parts for workers: whole batches, some in each part where there are
    many, and none idle where there are few.
    """
    batch = min(max(1, batch), ceil(count / workers)) or 1
    size = batch * max(1, min(_BATCHES, count // (batch * workers * _ROUNDS)))
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def _pictures(requests: Sequence[Request]) -> dict[Path, str]:
    """The files that requests show, and the hash of each: answers will be kept as those about these.

    What has an address is the same for all.
    """
    images = (image for one in requests for message in one.messages for image in message.images)
    return {image: file_hash(image) for image in dict.fromkeys(images) if not is_elsewhere(image)}


def _answer(actor: Any, given: tuple[Any, ...]) -> Any:
    return actor.answer.remote(*given)


class _Worker:
    """A process of the cluster, and the engines that it has loaded."""

    def __init__(self, offline: bool) -> None:
        self.engines: dict[str, Engine] = {}
        if offline:
            from ..machine.devices import forbid_network

            forbid_network()

    def answer(
        self, number: int, wanted: Wanted, requests: Sequence[Request], pictures: dict[Path, str]
    ) -> tuple[int, list[Reply]]:
        """The number, and a reply per request."""
        with _named():
            for path, content in pictures.items():
                _check(path, content)
            return number, self._engine(wanted).generate(requests)

    def commit(self, wanted: Wanted) -> str:
        """The commit of a hub model, once it is loaded."""
        with _named():
            self._engine(wanted)
            return models.hub_commit(wanted.spec.model, wanted.spec.revision) or "main"

    def _engine(self, wanted: Wanted) -> Engine:
        # loaded here and not when the actor starts: what is wrong then comes back as an error
        key = repr(wanted)
        if key not in self.engines:
            self.engines[key] = wanted.load()
        return self.engines[key]


@contextmanager
def _named() -> Iterator[None]:
    """What is wrong is said with the name of the machine."""
    try:
        yield
    except LikebutError as problem:
        import platform

        problem.message = f"a worker of Ray on {platform.node()}: {problem.message}"
        problem.args = (problem.message,)
        raise


def _check(path: Path, content: str) -> None:
    """Raises InputError where this machine does not have that picture."""
    try:
        same = file_hash(path) == content
    except OSError:
        same = False
    if not same:
        raise InputError(
            f"{path} is not here, or another picture",
            "all machines must have the pictures at the same paths (a shared folder); or leave out --on",
        )
