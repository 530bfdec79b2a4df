"""Bodies of requests: read to a limit of bytes and of time, and JSON without its traps."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import Message, Receive

from .problems import Refused

JSON_BYTES = 1 << 20
PICTURE_BYTES = 32 << 20
JSON_SECONDS = 10.0
PICTURE_SECONDS = 60.0
_DEEPEST = 32


async def read_body(receive: Receive, most: int, seconds: float) -> bytes:
    """The whole body. Raises Refused where it is larger, or does not come in time."""
    parts: list[bytes] = []
    size, more = 0, True
    try:
        async with asyncio.timeout(seconds):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "the request broke off", "send it again")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                more = message.get("more_body", False)
                if size > most:
                    raise too_large(most)
    except TimeoutError:
        raise Refused(408, f"the request did not come within {seconds:g} s", "send it again") from None
    return b"".join(parts)


def too_large(most: int) -> Refused:
    """A body has too many bytes."""
    return Refused(413, f"the request is larger than {_size(most)}", "send less")


def replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read once more."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def check_json(body: bytes) -> None:
    """Raises Refused for what is no JSON, or has numbers, texts or depths that nothing good needs."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise Refused(422, "the JSON is nested too deep", "send it flat") from None
    except ValueError as problem:
        words = str(problem).split(":")[0][:80].encode("ascii", "replace").decode()
        raise Refused(400, f"the body is no JSON: {words}", "send a JSON object") from None
    _walk(value)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _walk(value: Any) -> None:
    waiting = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > _DEEPEST:
            raise Refused(422, "the JSON is nested too deep", "send it flat")
        if isinstance(one, str):
            _check_text(one)
        elif isinstance(one, dict):
            waiting += [(part, depth + 1) for pair in one.items() for part in pair]
        elif isinstance(one, list):
            waiting += [(part, depth + 1) for part in one]


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(422, "a text has half a character", "send valid Unicode") from None
    if "\0" in text:
        raise Refused(422, "a text has a NUL", "leave it out")


def _size(count: int) -> str:
    return f"{count >> 20} MB"
