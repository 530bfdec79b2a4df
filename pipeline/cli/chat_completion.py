"""What a line editor may offer for a line of `chat`: commands, and what goes on after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from ..stages.conversation import Session
from ..stages.editing import Understood
from .chat_reading import MARK, elements, number

Kind = Literal[
    "nothing",
    "hits",
    "weights",
    "fields",
    "lists",
    "elements",
    "turns",
    "file",
    "hit or file",
    "hits and file",
]
_FILES = ("file", "hit or file", "hits and file")


class Offer(NamedTuple):
    """What may stand in place of the last ``typed`` characters, and what is said about it."""

    text: str
    typed: int
    about: str = ""


def offers(line: str, session: Session, kinds: Mapping[str, Kind]) -> Iterator[Offer]:
    """What may go on where the line ends; ``kinds`` says what each command takes."""
    line = line.lstrip()
    if not line.startswith(MARK):
        return
    name, space, rest = line.partition(" ")
    if not space:
        yield from (Offer(known, len(line)) for known in kinds if known.startswith(line))
        return
    kind = kinds.get(name, "nothing")
    typed = _fragment(rest, kind)
    if typed is None:
        return
    for text, about in _known(kind, session):
        if text.casefold().startswith(typed.casefold()):
            yield Offer(text, len(typed), about)


def place_typed(line: str, kinds: Mapping[str, Kind]) -> str | None:
    """The beginning of a path that is typed where the line ends; None where no path goes on there."""
    name, space, rest = line.lstrip().partition(" ")
    kind = kinds.get(name, "nothing")
    if not space or kind not in _FILES:
        return None
    if kind == "hits and file":
        words = rest.split(" ")
        while len(words) > 1 and (not words[0] or number(words[0]) is not None):
            words = words[1:]
        return " ".join(words)
    return rest.lstrip()


def _fragment(rest: str, kind: Kind) -> str | None:
    """What is typed of what is completed, whose name may have spaces; None within a number."""
    if kind == "weights":
        _, equals, tail = rest.rpartition("=")
        _, space, after = tail.partition(" ")
        return rest.lstrip() if not equals else after.lstrip() if space else None
    if kind in ("hits", "hits and file"):
        return rest.rpartition(" ")[2]
    return rest.lstrip()


def _known(kind: Kind, session: Session) -> Iterable[tuple[str, str]]:
    """(what is offered, what is said about it)."""
    if kind in ("hits", "hit or file", "hits and file"):
        return [(str(hit.rank), Path(hit.path).name or hit.id) for hit in session.hits]
    if kind == "turns":
        return [(str(n), turn.step.words) for n, turn in enumerate(session.dialogue.turns, 1)]
    if kind == "weights":
        roles = [role for role in session.composer.recipe.roles if role not in session.weights]
        known = [(f"{name}=", f"{weight:g}") for name, weight in session.weights.items()]
        return known + [(f"{role}=", "") for role in roles]
    if session.trace is None:
        return []
    fields = Understood.of(session.trace, session.composer.recipe.elements)
    if kind == "fields":
        return [(f"{name}=", _brief(value)) for name, value in fields.fields.items()]
    if kind == "lists":
        return [(f"{name} ", _brief(texts)) for name, texts in fields.elements.items()]
    return [(text, "") for text in elements(fields.elements)] if kind == "elements" else []


def _brief(value: str | tuple[str, ...]) -> str:
    text = value if isinstance(value, str) else "; ".join(value)
    return text if len(text) <= 50 else text[:49] + "…"
