"""The JSON of a session's turns, made once: for the session's files, and parts of it for the page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ..records.dialogue import Turn, turn_to_json
from .quick_json import quick_json


class TurnText:
    """A turn and its JSON, made when it is first asked for.

    ``listed`` is what a list of turns shows of it, by the gallery whose pictures are shown.
    """

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.listed: dict[str, bytes] = {}

    @cached_property
    def _made(self) -> tuple[bytes, int]:
        """The text, and where in it the trace begins, which is the last thing in it."""
        record = turn_to_json(self.turn)
        trace = quick_json(record.pop("trace"))
        head = quick_json(record).removesuffix(b"}") + b',"trace":'
        return head + trace + b"}", len(head)

    @property
    def text(self) -> bytes:
        """The JSON of the turn."""
        return self._made[0]

    @property
    def trace(self) -> bytes:
        """The JSON of its trace."""
        text, start = self._made
        return text[start:-1]


def staying(turns: Sequence[Turn], known: Sequence[TurnText]) -> int:
    """How many of these turns, from the first on, are those of the known texts."""
    stay = 0
    while stay < min(len(turns), len(known)) and turns[stay] is known[stay].turn:
        stay += 1
    return stay


def texts_of(turns: Sequence[Turn], known: Sequence[TurnText]) -> list[TurnText]:
    """The texts of these turns, made anew only for those that are not among the known."""
    stay = staying(turns, known)
    return [*known[:stay], *map(TurnText, turns[stay:])]
