"""The roles that recipes give weights to: which texts of a trace each one is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from ..errors import ConfigError
from .phrases import swapped
from .trace import Trace


class Role(NamedTuple):
    """``texts`` of a trace; empty ones are left out.

    ``names`` tells its grains apart: by number, by their text, or by nothing (""): there is one, the
    mean of all texts. One by its text counts as often as the text is there.
    ``reads`` is the part of a trace that is looked at, which may be changed by hand.
    """

    texts: Callable[[Trace], Sequence[str]]
    reads: str
    names: str = ""


# The lists that prompts usually ask for; a role, too, is any other list that a prompt's schema has.
ELEMENTS = ("desired", "preserved", "forbidden")
# Fields of an intent that are no lists of elements.
FIELDS = ("reasoning", "target_caption", "rewrites", "fallback", "samples")


def _elements(name: str) -> Callable[[Trace], Sequence[str]]:
    return lambda trace: tuple(dict.fromkeys(trace.intent.of(name)))


def _target(trace: Trace) -> Sequence[str]:
    return trace.intent.samples or (trace.intent.target_caption,)


def _sentences(trace: Trace) -> Sequence[str]:
    return (trace.query.modification, *trace.query.wordings)


def _concatenation(trace: Trace) -> Sequence[str]:
    caption = trace.description.caption
    return [", ".join(part for part in (caption, said) if part) for said in _sentences(trace)]


def _labelled(trace: Trace) -> Sequence[str]:
    """Every label of the reference (they stand for its captions) with the sentence, or it alone."""
    labels = trace.description.captions or ("",)
    return [
        ", ".join(part for part in (label, said) if part) for label in labels for said in _sentences(trace)
    ]


def _swapped(trace: Trace) -> Sequence[str]:
    return swapped(trace.intent.target_caption, trace.intent.of("pairs"))


def _alone(trace: Trace) -> Sequence[str]:
    """The sentence of a query that has no picture to compose it with."""
    return () if trace.query.referring else _sentences(trace)


# Roles that look at the reference: it, and picture and sentence as one vector of an MLLM embedder.
PIXELS = ("reference", "composed")
WORDLESS = (*PIXELS, "liked", "disliked")
# Only captions, rewrites, labels and what is a mean may hold one text several times.
# `liked` and `disliked` are hits that a person marked: pixels, as the reference is.
ROLES: dict[str, Role] = {
    "reference": Role(lambda trace: (), "reference"),
    "composed": Role(_alone, "modification"),
    "liked": Role(lambda trace: (), "reference", "text"),
    "disliked": Role(lambda trace: (), "reference", "text"),
    "target_caption": Role(_target, "target_caption"),
    "modification": Role(_sentences, "modification"),
    "caption": Role(lambda trace: trace.description.captions[:1], "captions"),
    "captions": Role(lambda trace: trace.description.captions, "captions", "number"),
    "rewrites": Role(
        lambda trace: trace.intent.rewrites or (trace.intent.target_caption,), "target_caption", "number"
    ),
    "samples": Role(_target, "target_caption", "number"),
    "include": Role(lambda trace: (" and ".join(_elements("desired")(trace)),), "desired"),
    "exclude": Role(lambda trace: (" and ".join(_elements("forbidden")(trace)),), "forbidden"),
    "concatenation": Role(_concatenation, "captions"),
    "labelled": Role(_labelled, "captions", "text"),
    "swapped": Role(_swapped, "target_caption", "number"),
}


# No ":", "=" or "/" in the words: the names of grains are told apart by these.
_TEMPLATE = re.compile(r"[^{}:=/]*\{(\w+)\}[^{}:=/]*")


def told(name: str, where: str = "recipe") -> str:
    """The role that a template says in its words, "caption" of "a photo of {caption}"; else the name.

    Raises ConfigError for braces that are no template of a role of texts.
    """
    if not {"{", "}"} & set(name):
        return name
    found = _TEMPLATE.fullmatch(name)
    if not found or found[1] in WORDLESS:
        hint = 'one has a role of texts in its braces, as "a photo of {caption}", and no ":", "=" or "/"'
        raise ConfigError(f"{where}: no template {name!r}", hint)
    return found[1]


def role_of(name: str) -> Role:
    """The role of this name: one of the table, a template, else the list of elements that is called so."""
    return ROLES.get(name) or (_list(name) if (inner := told(name)) == name else _template(name, inner))


@lru_cache(1024)
def _template(name: str, inner: str) -> Role:
    """The texts of a role, each in these words; one grain, the mean."""

    def texts(trace: Trace) -> Sequence[str]:
        return [name.replace(f"{{{inner}}}", text) for text in texts_of(inner, trace)]

    return Role(texts, role_of(inner).reads)


@lru_cache(1024)
def _list(name: str) -> Role:
    return Role(_elements(name), name, "text")


def texts_of(role: str, trace: Trace) -> tuple[str, ...]:
    """The texts of a role; none for the reference, which is pixels."""
    return tuple(text for text in role_of(role).texts(trace) if text)


def main_text(role: str, trace: Trace) -> str:
    """What stands for the texts of a role whose grain is their mean."""
    return trace.intent.target_caption if role == "target_caption" else texts_of(role, trace)[0]


def grain_name(role: str, number: int, text: str) -> str:
    """What the grain of the ``number``-th text (from 0) of a role is called, once in a query."""
    by = {"": role, "number": f"{role}:{number + 1}", "text": f"{role}:{text}"}
    return by[role_of(role).names]
