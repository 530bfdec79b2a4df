"""What a model wrote, less what it thought: thoughts cut away, and the JSON object that is meant.

Models think aloud in marks of their own, with or without an opening (a template may have written
it), several times, or without an end. What is thought is never an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..errors import ReplyError

_WORDS = r"think|thinking|thought|thoughts|reasoning|reflection"
_OPEN = rf"<(?:{_WORDS})>|◁think▷|\[THINK\]|<\|begin_of_thought\|>|<\|START_THINKING\|>"
_CLOSE = rf"</(?:{_WORDS})>|◁/think▷|\[/THINK\]|<\|end_of_thought\|>|<\|END_THINKING\|>"
_MARK = re.compile(rf"(?P<open>{_OPEN})|(?P<close>{_CLOSE})", re.IGNORECASE)
# Channels: what stands in the last "final" one is said, the others are thoughts.
_FINAL = re.compile(r"<\|channel\|>\s*final\s*(?:<\|constrain\|>[^<]*)?<\|message\|>", re.IGNORECASE)
_CHANNEL = re.compile(r"<\|channel\|>", re.IGNORECASE)
_END = re.compile(r"<\|(?:return|end|call)\|>.*\Z", re.DOTALL)


def without_thoughts(text: str) -> str:
    """The text less every thought. Raises ReplyError where a thought is never closed."""
    if _CHANNEL.search(text):
        parts = _FINAL.split(text)
        if len(parts) == 1:
            raise ReplyError("the reply is a thought without an answer")
        text = _END.sub("", parts[-1])
    said, depth, start = "", 0, 0
    inside = [range(*span) for span, _ in _spans(text)]
    for mark in _MARK.finditer(text):
        if any(mark.start() in span for span in inside):
            continue  # a string of the answer says it
        if mark["open"]:
            if not depth:
                said += text[start : mark.start()]
            depth += 1
        else:  # without an opening, all before it was thought
            said = said if depth else ""
            depth = max(0, depth - 1)
            start = mark.end()
    if depth:
        raise ReplyError("the reply is a thought that was never finished")
    return said + text[start:]


def objects(text: str) -> list[Any]:
    """Every whole JSON object of a text that stands in no other, in order. Raises ReplyError."""
    return [value for _, value in _spans(text)]


def _spans(text: str) -> Iterator[tuple[tuple[int, int], Any]]:
    """((where it begins, where it ends), value) of every object."""
    decoder, place = json.JSONDecoder(), text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
            yield (place, end), value
            place = text.find("{", end)
        except json.JSONDecodeError:
            place = text.find("{", place + 1)
        except RecursionError:
            raise ReplyError("the reply is nested too deeply") from None


def repaired(text: str) -> Any:
    """The JSON object that a little broken text begins with its first brace. Raises ReplyError."""
    start = text.find("{")
    if start < 0:
        raise ReplyError("the reply holds no JSON object")
    from json_repair import repair_json

    try:
        return repair_json(text[start:], return_objects=True)
    except RecursionError:
        raise ReplyError("the reply is nested too deeply") from None
