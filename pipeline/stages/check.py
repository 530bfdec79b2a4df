"""The check stage: what cannot be answered, and what will be answered badly, is said beforehand."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...indexes.errors import GalleryError
from ..records.trace import Trace
from . import photographs, vocabulary
from .contract import Need
from .languages import Reads

# What a reference is opened at to see that it is a picture: cheap for a large JPEG.
_GLANCE = 224


@dataclass(frozen=True)
class Check:
    """Looks at sentences and reference files.

    ``words`` are all that the models of ``profile`` know, none where that cannot be said;
    ``unwanted`` are searched away in every query. Where no reasoner puts sentences into the encoder's
    language, ``reads`` tells those that it does not read.
    """

    words: frozenset[str]
    profile: str
    unwanted: tuple[str, ...] = ()
    reads: Reads | None = None
    name = "check"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with their errors and warnings."""
        return [self._checked(trace) for trace in traces]

    def needs(self) -> Sequence[Need]:
        """None."""
        return ()

    def _checked(self, trace: Trace) -> Trace:
        query = trace.query
        said = ". ".join((*_given(trace), *self.unwanted))
        if unknown := vocabulary.warning(said, self.words, self.profile):
            trace = trace.warned(unknown)
        if self.reads and self.reads.foreign(query.modification):
            trace = trace.warned(self.reads.warning(self.profile))
        if not _is_text(query.modification):
            return trace.failed("the modification is not UTF-8")
        if not query.referring and not query.modification.strip():
            return trace.failed("the query has neither a reference nor a modification")
        return self._seen(trace, query.reference) if query.reference is not None else trace

    def _seen(self, trace: Trace, reference: Path) -> Trace:
        try:
            photographed = _looks_photographed(reference)
        except GalleryError as problem:
            return trace.failed(f"the reference cannot be used: {problem.message}")
        if self.words and photographed:
            return trace.warned(photographs.warning(self.profile))
        return trace


def _looks_photographed(reference: Path) -> bool:
    """Whether the picture does. Raises ``BadImage`` for what is none."""
    with suppress(OSError):  # `load_image` says what is wrong
        found = os.stat(reference)
        return _glanced(reference, found.st_size, found.st_mtime_ns, found.st_ino)
    return _glanced.__wrapped__(reference, 0, 0, 0)


@lru_cache(256)
def _glanced(reference: Path, size: int, mtime_ns: int, inode: int) -> bool:
    """Of a file in this state, whose every new ranking need not read it again."""
    from ...indexes.decode import load_image

    return photographs.looks_photographed(load_image(reference, _GLANCE))


def _given(trace: Trace) -> Iterator[str]:
    """All texts that the trace comes with."""
    intent = trace.intent
    yield trace.query.modification
    yield from trace.description.captions
    yield intent.target_caption
    for texts in intent.elements.values():
        yield from texts


def _is_text(text: str) -> bool:
    """Whether no part of it is half a character, as bytes that are not UTF-8 become."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
