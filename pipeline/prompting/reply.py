"""A reply as its prompt promises it.

Bounds of a schema (maxLength, maxItems) are there to end constrained decoding. A whole reply that is
longer is as good, and is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ReplyError
from ..records.chat import Reply
from . import Prompt, replies
from .plain import plainly_fits

# How a whole reply ends, by whatever name; a server that says nothing is believed to be done.
WHOLE = ("stop", "eos", "end_turn", "null", "none", "")
_BOUNDS = ("maxLength", "maxItems")


@dataclass(frozen=True)
class Reading:
    """What a reply says, and whether it had to be ``repaired`` to say it."""

    value: Any
    repaired: bool = False


def read_reply(prompt: Prompt, reply: Reply) -> Reading:
    """A reply as its prompt promises it: stripped text, or a value that fits the schema.

    Raises ReplyError for a reply that is an error, was cut at its token limit or filtered, or does
    not fit.
    """
    if reply.error:
        raise ReplyError(reply.error)
    if reply.finish == "length":
        raise ReplyError(f"the reply was cut at {reply.reply_tokens} tokens (max_tokens in the profile)")
    if reply.finish == "content_filter":
        raise ReplyError("the server's content filter stopped the reply")
    if reply.finish.lower() not in WHOLE:
        raise ReplyError(f"the reply is not whole: it ended with {reply.finish[:40]!r}")
    return _read(prompt, reply.text)


def parse_reply(prompt: Prompt, text: str) -> Any:
    """The value of a whole reply's text. Raises ReplyError."""
    return _read(prompt, text).value


def _read(prompt: Prompt, text: str) -> Reading:
    """Strictly first; then thoughts, prose and fences go, and small faults are repaired."""
    if prompt.reply == "text":
        said = " ".join(replies.without_thoughts(text).split())
        if not said:
            raise ReplyError("the reply is empty")
        return Reading(said)
    assert prompt.schema is not None
    said = replies.without_thoughts(text)
    try:
        value = json.loads(said)
        _check(value, prompt.schema)
        return Reading(value)
    except (ValueError, RecursionError, ReplyError):
        return Reading(_lenient(said, prompt.schema), repaired=True)


def _lenient(text: str, schema: Mapping[str, Any]) -> Any:
    """The last object that fits the schema, else the last that says what the picture shows.

    Where nobody held the model to its schema, a list that is none costs the list and not the answer.
    """
    found = replies.objects(text) or [replies.repaired(text)]
    fitting = [value for value in found if _fits(value, schema)]
    if fitting:
        return fitting[-1]
    target = "target_caption" in schema.get("properties", {})
    targeted = [value for value in found if target and _tells_a_target(value)]
    if targeted:
        return targeted[-1]
    _check(found[-1], schema)  # says what is wrong with it
    return found[-1]


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    try:
        _check(value, schema)
    except ReplyError:
        return False
    return True


def _tells_a_target(value: Any) -> bool:
    target = value.get("target_caption") if isinstance(value, dict) else None
    return isinstance(target, str) and bool(target.strip())


def _check(value: Any, schema: Mapping[str, Any]) -> None:
    """Raises ReplyError naming the first place that does not fit."""
    if plainly_fits(value, schema):
        return
    from jsonschema import Draft202012Validator

    problems = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda e: str(e.path))
    problems = [problem for problem in problems if problem.validator not in _BOUNDS]
    if problems:
        where = "/".join(str(part) for part in problems[0].path)
        raise ReplyError(f"{where or 'the reply'}: {problems[0].message[:200]}")
