"""The files that a plan left open, read and encoded by a Ray cluster; journalled here, in order.

Blocks of files are read, hashed, decoded and prepared by tasks on processors; towers (actors, on GPUs
where there are any) encode the very batches that a build of one machine makes. Their vectors come back
in order and go to the journal of the index, so that it is at any moment that of a local build, and a
build that lost its driver goes on from it. A worker that is lost is Ray's to replace: what it did is
done again. A file that ends whoever reads it is found by reading it alone, and fails alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .batches import Batches
from .cluster import Elsewhere, Layout, layout_of, opened
from .contract import EncoderId
from .decode import quiet
from .parts import PartsEncoder
from .reading import Outcome, Reader
from .towers import Flights, Wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import ImageEncoder
    from .plan import Plan
    from .scan import File

RETRIES = 5  # of a block of files whose worker was lost; then each of its files is read alone
_CRASHED = "whoever reads it crashes"


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
    wanted = Wanted(elsewhere.make, EncoderId.of(encoder), kind, getattr(encoder, "preparing", None))
    with opened(elsewhere.address) as ray:
        room = layout_of(ray)
        flights = Flights(encoder, plan, size, parts, ray, room, wanted)
        for outcome in _Readers(ray, room, wanted, plan, pixels_limit).outcomes(size, flights.blocks):
            settled += 1
            if flights.take(outcome):
                told(settled, total)
        flights.flush()
        flights.land(0)
    told(total, total)
    return flights


def _read(
    files: Sequence[File], wanted: Wanted, known: NDArray[Any], pixels_limit: int
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


class _Readers:
    """Tasks that read blocks of files, some ahead of who takes their outcomes."""

    def __init__(self, ray: Any, room: Layout, wanted: Wanted, plan: Plan, pixels_limit: int) -> None:
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
