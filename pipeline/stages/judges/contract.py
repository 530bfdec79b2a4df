"""What the rerank stage asks of a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...records.chat import Exchange
from ...records.trace import Trace

if TYPE_CHECKING:
    from ...asking.engine import CachedEngine
    from ...prompting import Prompt


@dataclass(frozen=True)
class Candidate:
    """One hit by its row: its captions on one line, or its picture for a judge that sees."""

    row: int
    caption: str = ""
    picture: Path | None = None


class Case(NamedTuple):
    """A query with the hits that are judged, best first."""

    trace: Trace
    candidates: Sequence[Candidate]


class Judged(NamedTuple):
    """Row → confidence from 0 to 1 that the hit is what was asked for; rows without an answer lack."""

    confidence: Mapping[int, float]
    exchanges: tuple[Exchange, ...] = ()


class Judge(Protocol):
    """Asks ``engine`` about all cases at once, with one ``prompt``; a Judged a case, in order."""

    def __call__(self, cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
        """Raises BudgetReached, ModelError; a candidate's own failure leaves it without a confidence."""


class JudgeKind(NamedTuple):
    """``target`` is its function, ``prompt`` and ``seeing`` its usual prompts for captions and pictures.

    It asks ``each`` times about a candidate at most, and ``once`` about a whole shortlist. With
    ``relative`` its confidences say an order, and mean nothing beside those of another list.
    """

    target: str
    prompt: str
    seeing: str
    each: int = 0
    once: int = 0
    relative: bool = False

    def calls(self, top: int) -> int:
        """The most calls about a shortlist of so many."""
        return self.once + self.each * top


def numbered(candidates: Sequence[Candidate]) -> str:
    """ "(1) a red cat (2) …": what a prompt shows of several candidates by their captions."""
    return " ".join(f"({n}) {one.caption}" for n, one in enumerate(candidates, 1) if one.caption)


def values_of(prompt: Prompt, trace: Trace, candidate: str = "") -> dict[str, str]:
    """What a prompt may say of a query, and of one candidate: the variables that it declares."""
    known = {
        "caption": trace.description.caption,
        "modification": trace.query.modification,
        "target_caption": trace.intent.target_caption or trace.query.modification,
        "candidate": candidate,
    }
    return {name: text for name, text in known.items() if name in prompt.variables}
