"""The JSON of a session's turns, made once: for the session's file, and the trace in it for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..records.dialogue import Turn, turn_to_json
from .quick_json import quick_json


class TurnText(NamedTuple):
    """A turn, its JSON, and where in that its trace begins, which is the last thing in it."""

    turn: Turn
    text: bytes
    start: int

    @classmethod
    def of(cls, turn: Turn) -> TurnText:
        """The text of a turn."""
        record = turn_to_json(turn)
        trace = quick_json(record.pop("trace"))
        head = quick_json(record).removesuffix(b"}") + b',"trace":'
        return cls(turn, head + trace + b"}", len(head))

    @property
    def trace(self) -> bytes:
        """The JSON of its trace."""
        return self.text[self.start : -1]


def texts_of(turns: Sequence[Turn], known: Sequence[TurnText]) -> list[TurnText]:
    """The texts of these turns, made anew only for those that are not among the known."""
    before = {id(text.turn): text for text in known}
    return [before.get(id(turn)) or TurnText.of(turn) for turn in turns]
