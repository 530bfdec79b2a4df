"""What lives on from one turn of a dialogue to the next.

"Without the people" is meant for good: what a turn preserved or forbade holds in the next one, until that
says otherwise. By words, since there is nothing else to tell it by: an element is contradicted where

- it was forbidden, and all its words are in what is wanted now, or
- it was not, and what is forbidden now has all its words, or has none that it lacks, or
- it was not, and its thing is wanted now with other attributes ("red car", and now "a blue car").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..records.phrases import phrases, stem, stems
from ..records.trace import Intent, Said

FORBIDDEN = "forbidden"


def carried(intent: Intent, history: Sequence[Said], lists: Iterable[str]) -> Intent:
    """The intent of a turn with the elements of the turn before it that it does not contradict.

    Of these ``lists``; its own come first, each element once. A turn holds what it took over itself, so
    the last of the ``history`` speaks for all of it.
    """
    if not history:
        return intent
    before, elements = history[-1].elements, dict(intent.elements)
    for name in lists:
        alive = (text for text in before.get(name, ()) if not contradicted(text, name, intent))
        if texts := tuple(dict.fromkeys((*intent.of(name), *alive))):
            elements[name] = texts
    return replace(intent, elements=elements)


def contradicted(text: str, name: str, intent: Intent) -> bool:
    """Whether an earlier element of the list ``name`` cannot hold beside what is wanted now."""
    said = stems(text)
    wanted = [intent.target_caption, *intent.of("desired")]
    if name == FORBIDDEN:
        return bool(said) and said <= set().union(*map(stems, wanted))
    gone = [stems(one) for one in intent.of(FORBIDDEN)]
    if any(one and (one <= said or said <= one) for one in gone):
        return True
    return any(_otherwise(text, one) for one in wanted)


def _otherwise(text: str, wanted: str) -> bool:
    """Whether what is wanted has a thing of the text, and only with attributes that are not its own."""
    own = {stem(phrase.thing): set(phrase.words[:-1]) for phrase in phrases(text)}
    now = [(stem(phrase.thing), set(phrase.words[:-1])) for phrase in phrases(wanted)]
    for thing, attributes in own.items():
        others = [had for named, had in now if named == thing]
        if attributes and others and all(had and not had & attributes for had in others):
            return True
    return False
