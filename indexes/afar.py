"""The files that a plan left open, read and encoded by a Ray cluster; journalled here, in order.

Blocks of files are read, hashed, decoded and prepared by tasks on processors; towers (actors, on GPUs
where there are any) encode the very batches that a build of one machine makes. Their vectors come back
in order and go to the journal of the index, so that it is at any moment that of a local build, and a
build that lost its driver goes on from it. A worker that is lost is Ray's to replace: what it did is
done again. A file that ends whoever reads it is found by reading it alone, and fails alone.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .batches import Batches, encoded
from .cluster import Elsewhere, Layout, layout_of, opened
from .contract import EncoderId
from .decode import quiet
from .errors import IndexIncompatible
from .parts import PartsEncoder, parts_encoder
from .reading import Outcome, Reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import ImageEncoder, Preparing
    from .plan import Plan
    from .scan import File

RETRIES = 5  # of a block of files whose worker was lost; then each of its files is read alone
_OF_A_BATCH = 20  # of one that a tower encodes: more often it is the batch, and not bad luck
_PATIENCE = 60.0  # seconds without a batch, after which it is said what is waited for
_CRASHED = "whoever reads it crashes"
_log = logging.getLogger(__name__)


def encode_afar(
    plan: Plan,
    encoder: ImageEncoder,
    elsewhere: Elsewhere,
    size: int,
    pixels_limit: int,
    total: int,
    on_progress: Callable[[int, int], None] | None,
    parts: int = 1,
) -> Batches:
    """Settle every file of ``plan.todo``, as `encoding.encode_todo` does, in batches of ``size``.

    Raises ``GalleryError`` for a cluster that cannot be used or was lost, and what a worker raises;
    what was encoded before is in the journal.
    """
    if not plan.todo:
        return Batches(encoder, plan, size, parts)
    told = on_progress or (lambda done, total: None)
    settled = total - len(plan.todo)
    told(settled, total)
    kind = encoder.kind if isinstance(encoder, PartsEncoder) else ""
    wanted = _Wanted(elsewhere.make, EncoderId.of(encoder), kind, getattr(encoder, "preparing", None))
    with opened(elsewhere.address) as ray:
        room = layout_of(ray)
        flights = _Flights(encoder, plan, size, parts, ray, room, wanted)
        for outcome in _Readers(ray, room, wanted, plan, pixels_limit).outcomes(size, flights.blocks):
            settled += 1
            if flights.take(outcome):
                told(settled, total)
        flights.flush()
        flights.land(0)
    told(total, total)
    return flights


class _Wanted(NamedTuple):
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


def _read(
    files: Sequence[File], wanted: _Wanted, known: NDArray[Any], pixels_limit: int
) -> tuple[list[Outcome], NDArray[Any]]:
    """Outcomes of a block of files, and in one array the pictures of those that have one."""
    import numpy as np

    def is_known(content_hash: str) -> bool:
        digest = np.bytes_(bytes.fromhex(content_hash))
        at = int(np.searchsorted(known, digest))
        return at < len(known) and bool(known[at] == digest)

    reader = Reader(wanted.preparing or wanted.load(), is_known, pixels_limit)
    with quiet():
        outcomes = [reader.read(found) for found in files]
    pictures = [outcome.array for outcome in outcomes if outcome.array is not None]
    notes = [o if o.array is None else replace(o, array=np.empty(0)) for o in outcomes]
    return notes, np.stack(pictures) if pictures else np.empty(0)


class _Tower:
    """An encoder on a device of its own."""

    def __init__(self, wanted: _Wanted, parts: int) -> None:
        self.wanted, self.parts = wanted, parts

    def encode(
        self, places: Sequence[tuple[int, int]], *blocks: NDArray[Any]
    ) -> tuple[NDArray[Any], list[bool], float]:
        """See ``batches.encoded``; a place is the number of a block, and a row of it."""
        # loaded here and not when the actor starts: what is wrong then comes back as an error
        return encoded(self.wanted.load(), [blocks[block][row] for block, row in places], self.parts)


class _Readers:
    """Tasks that read blocks of files, some ahead of who takes their outcomes."""

    def __init__(self, ray: Any, room: Layout, wanted: _Wanted, plan: Plan, pixels_limit: int) -> None:
        self.ray, self.plan, self.ahead = ray, plan, 2 * room.readers
        self._task = ray.remote(_read).options(num_cpus=1, num_returns=2, max_retries=RETRIES)
        self._given = ray.put(wanted), ray.put(_digests(plan)), pixels_limit

    def outcomes(self, size: int, blocks: dict[int, Any]) -> Iterator[Outcome]:
        """In the order of the files; an array says the number of a block of ``blocks``, and a row."""
        todo = self.plan.todo
        waiting: deque[tuple[Sequence[File], Any, Any]] = deque()
        for start in range(0, len(todo), size):
            files = todo[start : start + size]
            waiting.append((files, *self._task.remote(files, *self._given)))
            if len(waiting) >= self.ahead:
                yield from self._placed(waiting.popleft(), blocks)
        while waiting:
            yield from self._placed(waiting.popleft(), blocks)

    def _placed(self, block: tuple[Sequence[File], Any, Any], blocks: dict[int, Any]) -> Iterator[Outcome]:
        import numpy as np

        files, notes, pictures = block
        try:
            outcomes = self.ray.get(notes)
        except (self.ray.exceptions.WorkerCrashedError, self.ray.exceptions.OutOfMemoryError):
            yield from self._alone(files, blocks)
            return
        number = max(blocks, default=-1) + 1
        blocks[number], row = pictures, 0
        for outcome in outcomes:
            if outcome.array is None:
                yield outcome
            else:
                yield replace(outcome, array=np.array([number, row]))
                row += 1

    def _alone(self, files: Sequence[File], blocks: dict[int, Any]) -> Iterator[Outcome]:
        """Each of the files by itself; one that crashes its worker even so has failed."""
        if len(files) == 1:
            yield Outcome(files[0], reason=_CRASHED)
            return
        for found in files:
            yield from self._placed(([found], *self._task.remote([found], *self._given)), blocks)


def _digests(plan: Plan) -> NDArray[Any]:
    """The contents whose vectors are there, ascending, as workers share them without a copy."""
    import numpy as np

    known = [*plan.places, *(plan.journal.places if plan.journal else ())]
    return np.unique(np.array([bytes.fromhex(digest) for digest in known], "S32"))


class _Flight(NamedTuple):
    """A batch that a tower has: what will come of it, the tower's number, and whose it is."""

    rows: Any
    tower: int
    waiting: dict[str, tuple[NDArray[Any], list[File]]]


class _Flights(Batches):
    """Batches that towers encode, some at once, settled in their order."""

    def __init__(
        self,
        encoder: ImageEncoder,
        plan: Plan,
        size: int,
        parts: int,
        ray: Any,
        room: Layout,
        wanted: _Wanted,
    ) -> None:
        super().__init__(encoder, plan, size, parts)
        self.ray, self.blocks = ray, dict[int, Any]()
        actor = ray.remote(_Tower).options(
            num_cpus=room.cpus, num_gpus=room.gpus, max_restarts=-1, max_task_retries=_OF_A_BATCH
        )
        self._towers = [actor.remote(wanted, parts) for _ in range(room.towers)]
        self._flying: deque[_Flight] = deque()

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
            self._flying.append(_Flight(rows, tower, waiting))
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
