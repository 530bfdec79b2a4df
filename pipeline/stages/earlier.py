"""The earlier stage: turns of a dialogue that were said before a query and not yet understood.

A turn's target caption is what the next turn changes. So the sentences before a query are understood one
after the other, all queries of a batch together, and the query itself runs on from the last of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..records.trace import NOT_DESCRIBED, NOT_REASONED, Description, Said, Trace
from .contract import Need, Stage
from .running import run


@dataclass(frozen=True)
class Earlier:
    """Fills the history of traces by the stages that describe and reason."""

    understand: tuple[Stage, ...]
    name = "earlier"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces whose history is understood; one of whose turns cannot be has its error."""
        found = list(traces)
        open_ones = [n for n, trace in enumerate(traces) if _unknown(trace)]
        for turn in range(max((len(found[n].query.history) for n in open_ones), default=0)):
            places = [n for n in open_ones if not found[n].error and _waits(found[n].query.history, turn)]
            asked = [_turn(found[n], turn) for n in places]
            for stage in self.understand:
                asked = run(stage, asked)
            for n, answered in zip(places, asked, strict=True):
                found[n] = _told(found[n], turn, answered)
        return [
            _running_on(trace) if n in open_ones and not trace.error else trace
            for n, trace in enumerate(found)
        ]

    def needs(self) -> Sequence[Need]:
        """At most, about one turn."""
        return [need for stage in self.understand for need in stage.needs()]


def _unknown(trace: Trace) -> bool:
    """Whether a trace rests on turns that are not understood."""
    return trace.intent is NOT_REASONED and any(not said.target_caption for said in trace.query.history)


def _waits(history: Sequence[Said], turn: int) -> bool:
    return turn < len(history) and not history[turn].target_caption


def _turn(trace: Trace, turn: int) -> Trace:
    """An earlier turn as a query of its own."""
    query, before = trace.query, trace.query.history[:turn]
    asked = replace(query, modification=query.history[turn].modification, wordings=(), history=before)
    begins_with = described(before) if before else trace.description
    return Trace(asked, trace.recipe, trace.profile, begins_with)


def described(history: Sequence[Said]) -> Description:
    """What the next turn changes: what the last one wanted."""
    return Description((history[-1].target_caption,)) if history[-1].target_caption else NOT_DESCRIBED


def _told(trace: Trace, turn: int, answered: Trace) -> Trace:
    if answered.error:
        return trace.failed(f"turn {turn + 1} was not understood: {answered.error}")
    said = said_of(answered)
    history = (*trace.query.history[:turn], said, *trace.query.history[turn + 1 :])
    return replace(
        trace,
        query=replace(trace.query, history=history),
        exchanges=(*trace.exchanges, *answered.exchanges),
    ).warned(*(f"turn {turn + 1}: {one}" for one in answered.warnings))


def said_of(trace: Trace) -> Said:
    """A turn as the next one sees it. Without a reasoner its sentence says what is wanted."""
    target = trace.intent.target_caption or trace.query.modification
    return Said(trace.query.modification, target, dict(trace.intent.elements))


def _running_on(trace: Trace) -> Trace:
    return replace(trace, description=described(trace.query.history))
