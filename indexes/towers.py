"""Encoders of a cluster, each on a device of its own, and the batches that are on their way to them."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .batches import Batches, encoded
from .cluster import Layout
from .contract import EncoderId
from .errors import IndexIncompatible
from .parts import parts_encoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import ImageEncoder, Preparing
    from .plan import Plan
    from .scan import File

_OF_A_BATCH = 20  # times that one is given to another worker: more often it is the batch, and not bad luck
_PATIENCE = 60.0  # seconds without a batch, after which it is said what is waited for
_log = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """How a worker comes by the encoder, and which it must be; ``kind`` of the parts, if it is of parts.

    ``preparing``, where an encoder has it, spares those who only read the weights.
    """

    make: Callable[[], ImageEncoder]
    identity: EncoderId
    kind: str
    preparing: Preparing | None

    def load(self) -> ImageEncoder:
        """The encoder, once a process. Raises ``IndexIncompatible`` where it is another here."""
        key = (self.identity, self.kind)
        if key not in _loaded:
            made = self.make()
            _loaded[key] = made = parts_encoder(self.kind, made) if self.kind else made
            there = EncoderId.of(made)
            if there != self.identity:
                del _loaded[key]
                raise IndexIncompatible(
                    f"a worker has the encoder {there.name} {there.fingerprint[:12]}, and this machine "
                    f"{self.identity.name} {self.identity.fingerprint[:12]}",
                    "give all machines the same models and the same likebut",
                )
        return _loaded[key]


_loaded: dict[tuple[EncoderId, str], ImageEncoder] = {}


class _Tower:
    """An encoder on a device of its own."""

    def __init__(self, wanted: Wanted, parts: int) -> None:
        self.wanted, self.parts = wanted, parts

    def encode(
        self, places: Sequence[tuple[int, int]], *blocks: NDArray[Any]
    ) -> tuple[NDArray[Any], list[bool], float]:
        """See ``batches.encoded``; a place is the number of a block, and a row of it."""
        # loaded here and not when the actor starts: what is wrong then comes back as an error
        return encoded(self.wanted.load(), [blocks[block][row] for block, row in places], self.parts)


class Flight(NamedTuple):
    """A batch that a tower has: what will come of it, the tower's number, and whose it is."""

    rows: Any
    tower: int
    waiting: dict[str, tuple[NDArray[Any], list[File]]]


class Flights(Batches):
    """Batches that towers encode, some at once, settled in their order."""

    def __init__(
        self,
        encoder: ImageEncoder,
        plan: Plan,
        size: int,
        parts: int,
        ray: Any,
        room: Layout,
        wanted: Wanted,
    ) -> None:
        super().__init__(encoder, plan, size, parts)
        self.ray, self.blocks = ray, dict[int, Any]()
        actor = ray.remote(_Tower).options(
            num_cpus=room.cpus, num_gpus=room.gpus, max_restarts=-1, max_task_retries=_OF_A_BATCH
        )
        self._towers = [actor.remote(wanted, parts) for _ in range(room.towers)]
        self._flying: deque[Flight] = deque()

    def twins(self, content_hash: str) -> list[File] | None:
        """As it is here and in what flies."""
        for flight in self._flying:
            if content_hash in flight.waiting:
                return flight.waiting[content_hash][1]
        return super().twins(content_hash)

    def flush(self) -> None:
        """Give what waits to the tower that has least to do, and settle what came back."""
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            places = [(int(array[0]), int(array[1])) for array, _ in waiting.values()]
            used = sorted({block for block, _ in places})
            tower = self._idlest()
            rows = (
                self._towers[tower]
                .encode.options(num_returns=3)
                .remote(
                    [(used.index(block), row) for block, row in places], *(self.blocks[b] for b in used)
                )
            )
            self._flying.append(Flight(rows, tower, waiting))
            for block in list(self.blocks)[:-1]:
                del self.blocks[block]  # read in order: nothing that is to come lies in it
        self.land(2 * len(self._towers))

    def land(self, left: int) -> None:
        """Settle what came back, in order, and wait until no more than ``left`` batches fly."""
        while self._flying and (len(self._flying) > left or self._is_there(0.0)):
            while not self._is_there(_PATIENCE):
                _log.warning(
                    "waiting for a worker of Ray to encode on: does the cluster have one (ray status)?"
                )
            flight = self._flying.popleft()
            vectors, usable, seconds = self.ray.get(list(flight.rows))
            self.seconds += seconds
            self.settle(flight.waiting, vectors, usable)

    def _is_there(self, seconds: float) -> bool:
        """Whether the oldest batch is, within so many seconds."""
        return bool(self.ray.wait([self._flying[0].rows[0]], timeout=seconds)[0])

    def _idlest(self) -> int:
        """The number of the tower with the fewest batches that are not ready."""
        refs = [flight.rows[0] for flight in self._flying]
        ready = set(self.ray.wait(refs, num_returns=len(refs), timeout=0)[0]) if refs else set()
        busy = Counter(flight.tower for flight in self._flying if flight.rows[0] not in ready)
        return min(range(len(self._towers)), key=lambda number: busy[number])
