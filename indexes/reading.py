"""One file on its way to the encoder: read once, hashed, decoded, prepared. Runs in threads."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from .decode import MAX_BYTES, decode, too_large
from .errors import BadImage, GalleryError, readable
from .remote import as_address, read
from .scan import File
from .videos import frame_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Preparing

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Outcome:
    """A file as it was read: ``array`` for the encoder, or none when its content is known or bad.

    ``found`` carries size and time as of the reading. ``lasting``: the same bytes would fail again.
    """

    found: File
    content_hash: str = ""
    array: NDArray[Any] | None = None
    reason: str = ""
    lasting: bool = False
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)  # read and hash, decode, prepare


class Reader:
    """Reads files for ``encoder``; a content for which ``known`` is true is not decoded."""

    def __init__(self, encoder: Preparing, known: Callable[[str], bool], pixels_limit: int) -> None:
        self.encoder, self.known, self.pixels_limit = encoder, known, pixels_limit

    def read(self, found: File) -> Outcome:
        """The outcome of one file; nothing that is wrong with a file is raised."""
        outcome, data = self.fetch(found)
        return outcome if data is None else self.prepared(outcome, data)

    def fetch(self, found: File) -> tuple[Outcome, bytes | None]:
        """A file read and hashed, and its bytes where they must be decoded."""
        began = perf_counter()
        try:
            found, data = _bytes_of(found)
        except BadImage as error:
            return Outcome(found, reason=error.reason, lasting=error.lasting), None
        content_hash = hashlib.sha256(data).hexdigest()
        outcome = Outcome(found, content_hash, seconds=(perf_counter() - began, 0.0, 0.0))
        return outcome, None if self.known(content_hash) else data

    def prepared(self, outcome: Outcome, data: bytes) -> Outcome:
        """The outcome of bytes that were fetched, decoded and prepared here."""
        began, found, content_hash = perf_counter(), outcome.found, outcome.content_hash
        try:
            image = decode(data, found.id, self.encoder.draft_size, self.pixels_limit)
            decoded = perf_counter()
            array = self.encoder.prepare(image)
        except BadImage as error:
            return Outcome(found, content_hash, None, error.reason, error.lasting)
        except (ArithmeticError, MemoryError, OSError, RuntimeError, ValueError) as error:
            return Outcome(found, content_hash, None, f"cannot be prepared ({error})")
        spent = (outcome.seconds[0], decoded - began, perf_counter() - decoded)
        return Outcome(found, content_hash, array, seconds=spent)


@dataclass(frozen=True)
class Work:
    """Makes workers for a mapper: here, or of ``preparing`` and the limit in another process."""

    encoder: Preparing
    known: Callable[[str], bool]
    pixels_limit: int

    @property
    def preparing(self) -> Preparing | None:
        """What another process can be handed; None where there is no such. It may load the encoder."""
        return None if os.name == "nt" else getattr(self.encoder, "preparing", None)

    def __call__(self) -> Callable[[File], Outcome]:
        """A worker of this process."""
        return Reader(self.encoder, self.known, self.pixels_limit).read


def _bytes_of(found: File) -> tuple[File, bytes]:
    """The file's bytes, and ``found`` with size and time of exactly these. Raises ``BadImage``."""
    if as_address(found.path):
        return found, _bytes_at(found)
    try:
        with open(found.path, "rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size > MAX_BYTES:
                raise too_large(found.id, status.st_size)
            data = file.read()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise BadImage(readable(found.path), reason, lasting=False) from error
    now = File(found.id, found.path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return now, data


def _bytes_at(found: File) -> bytes:
    """The bytes at an address. Raises ``BadImage``.

    What was replaced since it was listed has another time or tag then, and is read again the next time.
    """
    if found.size > MAX_BYTES and not frame_of(found.path):
        raise too_large(found.id, found.size)
    try:
        return read(found.path)
    except BadImage:
        raise
    except GalleryError as error:
        raise BadImage(readable(found.path), error.message, lasting=False) from error


def in_threads(
    files: Iterable[File], worker: Callable[[], Callable[[File], _Result]], threads: int, ahead: int
) -> Generator[_Result]:
    """The outcome of every file, in order; at most ``ahead`` wait, so that memory stays bounded."""
    work = worker()
    waiting: deque[Future[_Result]] = deque()
    pool = ThreadPoolExecutor(threads, "likebut-read")
    try:
        for found in files:
            waiting.append(pool.submit(work, found))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
