"""Commands of `chat` that change what is looked for, and where in the dialogue one looks."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ..errors import ConfigError, InputError
from ..records.trace import Hit, Query, Trace
from ..stages.editing import Understood
from .chat_reading import added, dropped, hit_named, hits_named, number, number_named, weights_named
from .chat_talk import Talk
from .explaining import bar_character, screen_width, weight_lines
from .options import read_settings
from .output import say

MOST = 100_000  # hits


def undo(talk: Talk, rest: str) -> Trace | None:
    """Back to the turn before this one. Raises InputError before the first."""
    if talk.session.trace is None:
        raise InputError("nothing to undo", "say what the picture should show")
    return told_where(talk, talk.session.undo())


def go(talk: Talk, rest: str) -> Trace | None:
    """Looks at a turn by its number; 0 is before the first."""
    return told_where(talk, talk.session.go(number_named(rest, ":go 2") - 1))


def told_where(talk: Talk, trace: Trace | None) -> Trace | None:
    """The turn that is looked at now; where there is none, that is said."""
    if trace is None:
        say("before the first turn")
    return trace


def pick(talk: Talk, rest: str) -> None:
    """The next sentence is about a hit."""
    if not rest:
        raise ConfigError("which hit?", "for example :pick 2")
    hit = talk.session.pick(hit_of(talk, hit_named(rest)))
    say(f"picked {hit.id}: the next sentence is about it")


def unpick(talk: Talk, rest: str) -> None:
    """The next sentence is about what was wanted last."""
    talk.session.dialogue = replace(talk.session.dialogue, picked="")
    say("nothing is picked: the next sentence is about what was wanted last")


def more(talk: Talk, rest: str) -> Trace:
    """The same turn, nearer to hits."""
    return talk.session.more(*hits_of(talk, rest, ":more 1 3"))


def less(talk: Talk, rest: str) -> Trace:
    """The same turn, away from hits."""
    return talk.session.less(*hits_of(talk, rest, ":less 2"))


def weight(talk: Talk, rest: str) -> Trace | None:
    """The same turn with other weights; all of them as bars where none is named."""
    if rest:
        return talk.session.weigh(weights_named(rest))
    trace_of(talk)
    for line in weight_lines(talk.session.weights, screen_width() or 100, bar_character()):
        say(line)
    return None


def set_(talk: Talk, rest: str) -> Trace:
    """The same turn with another text, or another list (its elements between semicolons)."""
    if not rest:
        raise ConfigError("set what?", "for example :set target_caption=a red apple")
    return talk.session.change(**read_settings([rest], ":set"))


def add(talk: Talk, rest: str) -> Trace:
    """The same turn with an element more."""
    return talk.session.change(**added(rest, understood(talk).elements))


def drop(talk: Talk, rest: str) -> Trace:
    """The same turn without an element."""
    return talk.session.change(**dropped(rest, understood(talk).elements))


def understood(talk: Talk) -> Understood:
    """What was understood of the turn that is looked at. Raises InputError before the first."""
    return Understood.of(trace_of(talk), talk.session.composer.recipe.elements)


def start(talk: Talk, rest: str) -> Trace:
    """A first turn, with a picture or a hit."""
    if not rest:
        raise ConfigError("start with what?", "a picture, or the number of a hit")
    if number(rest) is None or os.path.exists(rest):
        return talk.session.start(talk.picture(rest))
    (hit,) = hits_of(talk, rest)
    row = talk.session.composer.gallery.row_of(hit.id)
    return talk.session.start(
        Query("", Path(hit.path) if hit.path else None, row=None if hit.path else row)
    )


def k(talk: Talk, rest: str) -> Trace | None:
    """The same turn with more hits, or fewer; it is no turn of its own."""
    wanted = number_named(rest, ":k 20")
    if not 1 <= wanted <= MOST:
        raise ConfigError(f"{wanted} hits cannot be shown", f"as many as 1 to {MOST:,}")
    session = talk.session
    session.k, before = wanted, session.dialogue
    if before.turn is None:
        return None
    found = session.weigh()
    turns = [*before.turns]
    turns[before.at] = replace(before.turn, trace=found)
    session.dialogue = replace(before, turns=tuple(turns)) if not found.error else before
    return found


def ask(talk: Talk, rest: str) -> Trace | None:
    """A question that tells the hits apart best; with a number, its answer of that number is the next turn.

    Raises InputError where the gallery is not the one that was searched, and where there is no such answer.
    """
    if rest:
        chosen = number_named(rest, ":ask 1")
        if not 0 < chosen <= len(talk.offered):
            raise InputError(f"no answer {chosen}", f"{len(talk.offered)} were offered; :ask asks")
        return talk.session.but(talk.offered[chosen - 1])
    row_of = talk.session.composer.gallery.row_of
    if any(row_of(hit.id) != hit.row for hit in trace_of(talk).ranking.hits):
        raise InputError("the gallery has changed since this turn", f":k {talk.session.k} ranks it anew")
    found = talk.session.question(asks=True)
    talk.offered = found.options if found else ()
    say(found.question if found else "nothing in their captions tells the hits apart")
    for place, answer in enumerate(talk.offered, 1):
        say(f"  {place}. {answer}")
    return None


def trace_of(talk: Talk) -> Trace:
    """The turn that is looked at. Raises InputError before the first."""
    if talk.session.trace is None:
        raise InputError("nothing was said yet", "begin with a picture or a sentence")
    return talk.session.trace


def hit_of(talk: Talk, named: int | str) -> Hit:
    """A hit by its rank or id. Raises InputError where there is none."""
    for hit in trace_of(talk).ranking.hits:
        if named in (hit.rank, hit.id):
            return hit
    raise InputError(f"no hit {named}", f"hits have ranks from 1 to {len(talk.session.hits)}")


def hits_of(talk: Talk, rest: str, example: str = "1 3") -> list[Hit]:
    """Hits by their ranks or ids."""
    return [hit_of(talk, named) for named in hits_named(rest, example)]
