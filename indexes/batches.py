"""Prepared pictures gathered into batches, encoded, checked and journalled. Runs in one thread."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .journal import Stamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import ImageEncoder
    from .plan import Plan
    from .reading import Outcome
    from .scan import File

NO_VECTOR = "the encoder gave no finite vector"


class Batches:
    """Takes outcomes in order and settles each file in ``plan``.

    ``encoded`` counts pictures, ``seconds`` the encoder's, ``thread_seconds`` read, decode,
    prepare, and ``read_by`` tells who did these ("16 processes"). A row is ``parts`` vectors, one after
    another, each of length 1.
    """

    def __init__(self, encoder: ImageEncoder, plan: Plan, size: int, parts: int = 1) -> None:
        self.encoder, self.plan, self.size, self.parts = encoder, plan, size, parts
        self.encoded = 0
        self.read_by = ""
        self.seconds = 0.0
        self.thread_seconds = [0.0, 0.0, 0.0]
        # by content: the array and every file that has it; the first is the one that was decoded
        self._waiting: dict[str, tuple[NDArray[Any], list[File]]] = {}

    def take(self, outcome: Outcome) -> bool:
        """Settle one outcome, now or with its batch; True when a batch was encoded."""
        self.thread_seconds = [a + b for a, b in zip(self.thread_seconds, outcome.seconds, strict=True)]
        if outcome.reason:
            self.plan.fail(outcome.found, outcome.reason, outcome.lasting)
        elif (twins := self.twins(outcome.content_hash)) is not None:
            twins.append(outcome.found)
        elif outcome.array is None or self.plan.known(outcome.content_hash):
            self.plan.settled.append((outcome.found, outcome.content_hash))
        else:
            self._waiting[outcome.content_hash] = (outcome.array, [outcome.found])
        if len(self._waiting) < self.size:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        """Encode what waits and settle its files; a row that is not finite fails alone."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        vectors, usable, seconds = encoded(
            self.encoder, [array for array, _ in waiting.values()], self.parts
        )
        self.seconds += seconds
        self.settle(waiting, vectors, usable)

    def twins(self, content_hash: str) -> list[File] | None:
        """The files of this content that wait to be encoded; None where none does."""
        return self._waiting[content_hash][1] if content_hash in self._waiting else None

    def settle(
        self,
        waiting: dict[str, tuple[NDArray[Any], list[File]]],
        vectors: NDArray[Any],
        usable: Sequence[bool],
    ) -> None:
        """Write the rows of one batch to the journal, and settle the files that waited for them."""
        import numpy as np

        self.encoded += len(waiting)
        entries: list[tuple[str, Stamp]] = []
        for good, (content_hash, (_, files)) in zip(usable, waiting.items(), strict=True):
            if good:
                entries.append((content_hash, Stamp.of(files[0])))
                self.plan.settled += [(found, content_hash) for found in files]
            else:
                for found in files:
                    self.plan.fail(found, NO_VECTOR, False)
        if entries:
            self.plan.keep(vectors[np.flatnonzero(usable)], entries)


def encoded(
    encoder: ImageEncoder, arrays: Sequence[NDArray[Any]], parts: int
) -> tuple[NDArray[Any], list[bool], float]:
    """Unit rows of prepared pictures, which of them are finite, and the seconds that it took.

    ``ValueError`` when the shape is not as agreed.
    """
    import numpy as np

    began = perf_counter()
    vectors = np.asarray(encoder.encode_prepared(arrays), np.float32)
    seconds = perf_counter() - began
    if vectors.shape != (len(arrays), encoder.dimension):
        raise ValueError(
            f"encoder {encoder.name} gave {vectors.shape} for {len(arrays)} pictures of "
            f"dimension {encoder.dimension}"
        )
    each = vectors.reshape(len(arrays), parts, -1)
    lengths = np.linalg.norm(each, axis=2, keepdims=True)
    usable = (np.isfinite(lengths) & (lengths > 0)).all(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        # an encoder in bf16 gives rows off by 1e-3; scores are only cosines if they are not
        return (each / lengths).reshape(vectors.shape), usable.tolist(), seconds
