"""The check stage: what cannot be answered, and what will be answered badly, is said beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..records.trace import Trace
from . import photographs, vocabulary
from .contract import Need
from .glances import Glances
from .languages import Reads


@dataclass(frozen=True)
class Check:
    """Looks at sentences and reference files.

    ``words`` are all that the models of ``profile`` know, none where that cannot be said;
    ``unwanted`` are searched away in every query. Where no reasoner puts sentences into the encoder's
    language, ``reads`` tells those that it does not read. References are looked at by ``glances``.
    """

    words: frozenset[str]
    profile: str
    glances: Glances
    unwanted: tuple[str, ...] = ()
    reads: Reads | None = None
    name = "check"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with their errors and warnings."""
        references = [trace.query.reference for trace in traces]
        glances = self.glances([reference for reference in references if reference is not None])
        return [self._checked(trace, glances) for trace in traces]

    def needs(self) -> Sequence[Need]:
        """None."""
        return ()

    def _checked(self, trace: Trace, glances: Mapping[Path, float | str]) -> Trace:
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
        return self._seen(trace, glances[query.reference]) if query.reference is not None else trace

    def _seen(self, trace: Trace, evenness: float | str) -> Trace:
        if isinstance(evenness, str):
            return trace.failed(f"the reference cannot be used: {evenness}")
        if self.words and evenness < photographs.BOUND:
            return trace.warned(photographs.warning(self.profile))
        return trace


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
