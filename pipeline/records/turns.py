"""Turns of dialogues, listed as a tree, and those of two dialogues held side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from .dialogue import NOWHERE, Dialogue, Turn
from .trace import Hit


@dataclass(frozen=True)
class Listed:
    """A turn in a tree: its number, from 1, and how deep it is drawn.

    A turn that alone grows from another is drawn below it; only where a way parts is it drawn deeper.
    """

    number: int
    depth: int
    turn: Turn

    @property
    def words(self) -> str:
        """What was done, indented by the depth."""
        return "  " * self.depth + self.turn.step.words

    @property
    def target(self) -> str:
        """What was wanted then; empty where nothing was said."""
        return self.turn.trace.intent.target_caption


def tree(dialogue: Dialogue) -> list[Listed]:
    """All turns, each after the one that it grew from, the ways in the order they were tried."""
    children: dict[int, list[int]] = {}
    for number, turn in enumerate(dialogue.turns):
        children.setdefault(turn.parent, []).append(number)
    found, waiting = [], [(number, 0) for number in reversed(children.get(NOWHERE, []))]
    while waiting:
        number, depth = waiting.pop()
        found.append(Listed(number + 1, depth, dialogue.turns[number]))
        next_ones = children.get(number, [])
        below = depth + (len(next_ones) > 1)
        waiting += [(one, below) for one in reversed(next_ones)]
    return found


@dataclass(frozen=True)
class Parting:
    """The first rank at which two rankings differ, and the ids there; None where one has ended."""

    rank: int
    before: str | None
    after: str | None

    @property
    def words(self) -> str:
        """ "3: a.png → b.png"."""
        return f"{self.rank}: {self.before or '–'} → {self.after or '–'}"


@dataclass(frozen=True)
class Compared:
    """One turn of two dialogues: the same number in both, or None where one has no such turn.

    ``overlap`` is the share of the first hits that both have, 0 to 1; None where a turn is missing, or
    nothing was found in both.
    """

    number: int
    before: Turn | None
    after: Turn | None
    overlap: float | None
    parting: Parting | None

    @property
    def said(self) -> tuple[str, str]:
        """What was done in each, in words; empty where there is no such turn."""
        return _words(self.before), _words(self.after)

    @property
    def targets(self) -> tuple[str, str]:
        """The target captions; empty where there is none."""
        return _target(self.before), _target(self.after)


def compared(before: Dialogue, after: Dialogue, k: int = 10) -> Iterator[Compared]:
    """The turns of two dialogues by their numbers; of their first ``k`` hits as many as both have are held
    side by side: one may have been asked for fewer.
    """
    for number, (one, other) in enumerate(zip_longest(before.turns, after.turns), 1):
        first, second = _hits(one)[:k], _hits(other)[:k]
        if first and second:
            depth = min(len(first), len(second))
            first, second = first[:depth], second[:depth]
        both = one is not None and other is not None
        yield Compared(
            number,
            one,
            other,
            overlap(first, second) if both else None,
            parting(first, second) if both else None,
        )


def overlap(before: Sequence[Hit], after: Sequence[Hit]) -> float | None:
    """|A ∩ B| / max(|A|, |B|) of the items of two lists of hits; None where both are empty."""
    one, other = ({hit.id for hit in hits} for hits in (before, after))
    longest = max(len(one), len(other))
    return len(one & other) / longest if longest else None


def parting(before: Sequence[Hit], after: Sequence[Hit]) -> Parting | None:
    """Where two lists of hits differ first; None where they have the same items in the same order."""
    for rank, (one, other) in enumerate(zip_longest(before, after), 1):
        ids = (one.id if one else None, other.id if other else None)
        if ids[0] != ids[1]:
            return Parting(rank, *ids)
    return None


def _hits(turn: Turn | None) -> tuple[Hit, ...]:
    return turn.trace.ranking.hits if turn else ()


def _words(turn: Turn | None) -> str:
    return turn.step.words if turn else ""


def _target(turn: Turn | None) -> str:
    return turn.trace.intent.target_caption if turn else ""
