"""What the reasoner's reply says of a query, and one Intent of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..records.roles import ELEMENTS, FIELDS
from ..records.trace import Intent


def fallback(caption: str, modification: str, why: str) -> Intent:
    """The Intent of a query whose reply could not be used."""
    parts = [part for part in (caption, modification) if part]
    return Intent(target_caption=", ".join(parts), fallback=why)


def merged(intents: Sequence[Intent]) -> Intent:
    """One Intent of several questions about one query.

    The first target caption that is no fallback counts, else the first of all. Where several questions
    have one, all of them are rewrites, with those that a reply holds itself. Other lists are joined,
    each element once. A fallback of any question is a fallback of the whole.
    """
    captioned = [intent for intent in intents if intent.target_caption]
    captioned = [intent for intent in captioned if not intent.fallback] or captioned
    first = captioned[0] if captioned else intents[0]
    names = dict.fromkeys(name for intent in intents for name in intent.elements)
    return replace(
        first,
        reasoning="\n".join(dict.fromkeys(i.reasoning for i in intents if i.reasoning)),
        elements={n: tuple(dict.fromkeys(t for i in intents for t in i.of(n))) for n in names},
        rewrites=_rewrites(captioned),
        fallback="; ".join(dict.fromkeys(i.fallback for i in intents if i.fallback)),
    )


def _rewrites(captioned: Sequence[Intent]) -> tuple[str, ...]:
    """What one question holds of them, or what several say: each text once, in order."""
    if len(captioned) == 1:
        return captioned[0].rewrites
    texts = (text for intent in captioned for text in (intent.rewrites or (intent.target_caption,)))
    return tuple(dict.fromkeys(texts))


def read_intent(value: Mapping[str, Any] | str) -> Intent:
    """The Intent of a reply: a text is its target caption, an object has the fields of a schema."""
    if isinstance(value, str):
        return Intent(target_caption=value)
    target = " ".join(_texts([value.get("target_caption")]))
    rewrites = _texts(value.get("rewrites"))
    if rewrites:  # several readings of one query: the likeliest comes first
        rewrites = tuple(dict.fromkeys((target, *rewrites) if target else rewrites))
    lists = [name for name in value if name in ELEMENTS or isinstance(value[name], list)]
    elements = {name: _texts(value[name]) for name in lists if name not in FIELDS}
    return Intent(
        target or "".join(rewrites[:1]),
        str(value.get("reasoning", "")),
        {name: texts for name, texts in elements.items() if texts},
        rewrites,
    )


def _texts(value: Any) -> tuple[str, ...]:
    """The texts of a list on one line each; a field that its schema says nothing of may be anything."""
    given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    texts = (" ".join(text.split()) for text in given if isinstance(text, str))
    return tuple(text for text in texts if text)
