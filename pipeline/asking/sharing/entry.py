"""One line of a file of answers: what is in it, and what is checked when it is read.

    {"key": "3f…", "question": {"engine": …, "messages": […], …}, "reply": {"text": …}, "made": 1763…,
     "check": "9a…"}

The key is the SHA-256 of the question, so an answer cannot come under another question than its own.
The check is the SHA-256 of key, reply and date: it finds damage. Neither can show that the model
really gave the reply; a file is as good as the person it comes from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from ...records.chat import FAILED, REFUSED
from ...records.keys import canonical, content_key

FORMAT, VERSION = "likebut answers", 1
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, lt=2**53)]
_Message = Annotated[tuple[str, str, list[_Hash]], Strict(False)]
_Plain = bool | int | float | str | None


class BadLine(Exception):
    """A line that cannot be taken; says why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Header(_Strict):
    """The first line: what the file is."""

    format: str
    version: int


class End(_Strict):
    """The last line: how many answers came before. A file without it was cut."""

    answers: _Count


class Question(_Strict):
    """The parts of a key, as `pipeline.cached` hashes them."""

    engine: str
    model: str
    revision: str
    messages: list[_Message] = Field(min_length=1)
    reply_schema: dict[str, Any] | None = Field(alias="schema")
    sampling: dict[str, _Plain]
    repeat: _Count
    held: str = ""  # the schema as it was written, where an engine held the reply to it
    extra_body: dict[str, Any] | None = None
    choices: list[str] = []


class KeptReply(_Strict):
    """What the cache keeps of a reply."""

    text: str
    prompt_tokens: _Count
    reply_tokens: _Count
    seconds: float = Field(ge=0)
    finish: str
    served: str
    chances: dict[str, Annotated[float, Field(ge=0, le=1.001)]] = {}


class Entry(_Strict):
    """One answer; ``made`` is the second it was made, where that is known."""

    key: _Hash
    question: Question
    reply: KeptReply
    made: _Count | None
    check: _Hash


def header_line() -> bytes:
    """The first line of a file."""
    return _line({"format": FORMAT, "version": VERSION})


def end_line(answers: int) -> bytes:
    """The last line of a file with so many answers."""
    return _line({"answers": answers})


def entry_line(key: str, question: Mapping[str, Any], reply: Mapping[str, Any], made: int | None) -> bytes:
    """The line of one answer."""
    check = content_key(key=key, reply=reply, made=made)
    return _line({"key": key, "question": question, "reply": reply, "made": made, "check": check})


def check_header(line: bytes) -> None:
    """Raises BadLine where the line begins another sort of file, or one of a newer likebut."""
    try:
        found = Header.model_validate(_object(line))
    except (BadLine, ValidationError) as problem:
        raise BadLine("this is no file of likebut answers") from problem
    if found.format != FORMAT:
        raise BadLine("this is no file of likebut answers")
    if found.version > VERSION:
        raise BadLine(f"written by a newer likebut (version {found.version}); update likebut")


def read_entry(line: bytes) -> dict[str, Any] | End:
    """The answer in a line, as plain values, or the file's end.

    Raises BadLine where anything is not as it must be.
    """
    values = _object(line)
    if set(values) == {"answers"}:
        return _valid(End, values)
    entry = _valid(Entry, values)
    if content_key(**values["question"]) != entry.key:
        raise BadLine("the key is not the hash of the question: one of them was changed")
    if content_key(key=entry.key, reply=values["reply"], made=entry.made) != entry.check:
        raise BadLine("the check does not fit: the reply was changed or damaged")
    if entry.reply.finish in (FAILED, REFUSED):
        raise BadLine("this is a failure and no answer")
    return values


_Model = TypeVar("_Model", bound=_Strict)


def _valid(model: type[_Model], values: Mapping[str, Any]) -> _Model:
    try:
        return model.model_validate(values)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadLine(f"{where}: {first['msg']}") from problem


def _line(values: Mapping[str, Any]) -> bytes:
    return canonical(values).encode() + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line.decode("ascii"), parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise BadLine("not a line of JSON") from problem
    if not isinstance(values, dict):
        raise BadLine("not a JSON object")
    return values


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
