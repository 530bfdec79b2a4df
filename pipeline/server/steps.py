"""One step of a session, as a request says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from ..records.trace import Query, Trace
from ..stages.conversation import Session
from .asked import StepAsked
from .problems import Refused
from .sessions import LONGEST

# Of these no model is asked, unless hits are judged: they have threads of their own.
QUICK = ("pick", "unpick", "more", "less", "weigh", "undo", "go")
HITS = 40  # that a turn finds


def take(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> None:
    """Do the step; the session is as before where it cannot be done.

    Raises Refused, InputError and ConfigError, and what models raise.
    """
    before = session.dialogue
    try:
        if step.turn is not None and step.turn != before.at and step.do != "go":
            session.go(step.turn)
        found = _DOING[step.do](session, step, uploaded)
        if isinstance(found, Trace) and found.error:
            raise InputError(found.error, "say it otherwise")
        if len(session.dialogue.turns) > LONGEST:
            raise Refused(422, f"the session has {LONGEST} turns", "begin another one")
    except BaseException:
        session.dialogue = before
        raise


def start(session: Session, hit: str) -> Trace:
    """Begin with an item of the gallery. Raises InputError where there is no such."""
    return session.start(reference_of(session, hit))


def reference_of(session: Session, hit: str) -> Query:
    """The query about an item of the gallery, by its id and never by a path."""
    gallery = session.composer.gallery
    row = gallery.row_of(hit) if hit else None
    item = gallery.items([row])[0] if row is not None else None
    if item is None or item.id != hit:
        raise InputError(f"the gallery has no {hit}" if hit else "no hit is named", "name one by its id")
    return Query("query", Path(item.path)) if item.path else Query("query", row=item.row)


def _start(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> Trace:
    if step.upload:
        return session.start(Query("query", uploaded(step.upload)))
    return start(session, step.hit)


def _but(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> Trace:
    if step.hit:
        session.pick(step.hit)
    return session.but(step.sentence)


def _pick(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> None:
    session.pick(step.hit)


def _unpick(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> None:
    session.dialogue = replace(session.dialogue, picked="")


def _marked(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> Trace:
    hits = list(dict.fromkeys((*step.hits, *([step.hit] if step.hit else []))))
    if not hits:
        raise InputError("no hit is named", "name some by their ids")
    picked = session.dialogue.picked
    found = session.more(*hits) if step.do == "more" else session.less(*hits)
    return _picked_still(session, picked, found)


def _weigh(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> Trace:
    """Other weights. Moving sliders on is one turn, not one for every position."""
    values = {name: value for name, value in step.values.items() if isinstance(value, float | int)}
    if len(values) < len(step.values) or not values:
        raise InputError("weights are numbers by name", 'for example {"reference": 0.3}')
    dialogue = session.dialogue
    turn, picked = dialogue.turn, dialogue.picked
    if step.live and turn and turn.step.do == "weigh" and dialogue.at == len(dialogue.turns) - 1:
        session.dialogue = replace(dialogue, turns=dialogue.turns[:-1]).gone(turn.parent)
        values = {**turn.step.values, **values}
    return _picked_still(session, picked, session.weigh(values))


def _picked_still(session: Session, picked: str, found: Trace) -> Trace:
    """The same question ranked otherwise is still about the hit that was picked."""
    if not found.error:
        session.dialogue = replace(session.dialogue, picked=picked)
    return found


def _change(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> Trace:
    if not step.values:
        raise InputError("nothing is changed", "give values by field")
    return session.change(**step.values)


def _undo(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> None:
    session.undo()


def _go(session: Session, step: StepAsked, uploaded: Callable[[str], Path]) -> None:
    if step.turn is None:
        raise InputError("no turn is named", "turns have numbers from 0; -1 is before the first")
    session.go(step.turn)


_DOING: dict[str, Callable[[Session, StepAsked, Callable[[str], Path]], Trace | None]] = {
    "start": _start,
    "but": _but,
    "pick": _pick,
    "unpick": _unpick,
    "more": _marked,
    "less": _marked,
    "weigh": _weigh,
    "change": _change,
    "undo": _undo,
    "go": _go,
}
