"""The roles that recipes give weights to: which texts of a trace each one is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.records import Trace


class Role(NamedTuple):
    """``texts`` of a trace; empty ones are left out.

    ``names`` tells its grains apart: by nothing ("": there is one), by number, or by their text.
    ``reads`` is the part of a trace that is looked at, which may be changed by hand.
    """

    texts: Callable[[Trace], Sequence[str]]
    reads: str
    names: str = ""


def _elements(name: str) -> Callable[[Trace], Sequence[str]]:
    return lambda trace: tuple(dict.fromkeys(getattr(trace.intent, name)))


def _target(trace: Trace) -> Sequence[str]:
    return trace.intent.samples or (trace.intent.target_caption,)


def _concatenation(trace: Trace) -> Sequence[str]:
    parts = (trace.description.caption, trace.query.modification)
    return (", ".join(part for part in parts if part),)


# Only captions, rewrites and a target caption of samples may hold one text several times.
ROLES: dict[str, Role] = {
    "reference": Role(lambda trace: (), "reference"),
    "target_caption": Role(_target, "target_caption"),
    "modification": Role(lambda trace: (trace.query.modification,), "modification"),
    "caption": Role(lambda trace: trace.description.captions[:1], "captions"),
    "captions": Role(lambda trace: trace.description.captions, "captions", "number"),
    "rewrites": Role(
        lambda trace: trace.intent.rewrites or (trace.intent.target_caption,),
        "target_caption",
        "number",
    ),
    "include": Role(lambda trace: (" and ".join(_elements("desired")(trace)),), "desired"),
    "exclude": Role(lambda trace: (" and ".join(_elements("forbidden")(trace)),), "forbidden"),
    "concatenation": Role(_concatenation, "captions"),
    "desired": Role(_elements("desired"), "desired", "text"),
    "preserved": Role(_elements("preserved"), "preserved", "text"),
    "forbidden": Role(_elements("forbidden"), "forbidden", "text"),
}


def texts_of(role: str, trace: Trace) -> tuple[str, ...]:
    """The texts of a role; none for the reference, which is pixels."""
    return tuple(text for text in ROLES[role].texts(trace) if text)


def grain_name(role: str, number: int, text: str) -> str:
    """What the grain of the ``number``-th text (from 0) of a role is called, once in a query."""
    by = {"": role, "number": f"{role}:{number + 1}", "text": f"{role}:{text}"}
    return by[ROLES[role].names]
