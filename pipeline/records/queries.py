"""Queries as JSON lines, read strictly: what nobody would read is refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, did_you_mean
from ..machine.spelling import is_address
from .lines import read_text, split
from .trace import Query, Said

# The keys of a line: those that ask, and those that benchmarks and their owners read.
ASKED = ("id", "reference", "modification", "history")
CARRIED = ("targets", "kind", "target_caption", "meta")


def read_queries(path: Path | str) -> list[Query]:
    """Queries of a JSON-lines file; references are relative to it. Raises InputError with the line."""
    path = Path(path)
    return parse_queries(split(read_text(path, "the queries")), path.parent, str(path))


def parse_queries(lines: Iterable[str | bytes], base: Path, name: str) -> list[Query]:
    """Queries of JSON lines; references are relative to ``base``, ``name`` is what errors call them.

    Raises InputError naming a line that is no query, or an id that is there twice.
    """
    queries: dict[str, Query] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        query = parse_query(line, number, base, name)
        if query.id in queries:
            raise InputError(f"{name}, line {number}: the id {query.id!r} is there twice")
        queries[query.id] = query
    if not queries:
        raise InputError(f"{name} holds no query", 'write lines like {"id": "1", "reference": "a.jpg", …}')
    return list(queries.values())


def parse_query(line: str | bytes, number: int, base: Path, name: str) -> Query:
    """The query of one line; its number is its id where it has none. Raises InputError."""
    try:
        row = json.loads(line, parse_constant=_no_constant)
        if not isinstance(row, dict):
            raise ValueError("it is no JSON object")
        check_keys(row)
        reference, modification = _text(row, "reference"), _text(row, "modification")
        modification.encode()  # half a surrogate pair is no text
        if "\0" in reference:
            raise ValueError("its reference holds a null character")
        if is_address(reference):
            raise ValueError(f"its reference is an address ({reference}): save the picture first")
        ident = row.get("id", number)
        if isinstance(ident, bool) or not isinstance(ident, str | int):
            raise ValueError(f"its id is {_kind(ident)}, and has to be a text or a whole number")
        history = tuple(Said(text) for text in history_of(row))
        return Query(str(ident), base / reference if reference else None, modification, history=history)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{name}, line {number}: not a query: {problem}") from problem


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def check_keys(row: Mapping[str, Any]) -> None:
    """Raises ValueError for a key that nobody reads: a misspelt one would ask something else."""
    known = [*ASKED, *CARRIED]
    for key in row:
        if key not in known:
            hint = did_you_mean(key, known)
            raise ValueError(f"unknown key {key!r}: {hint}; what is yours goes under meta")


def history_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The sentences of a dialogue before this query, oldest first. Raises ValueError."""
    said = row.get("history", [])
    said = [] if said is None else said
    if not isinstance(said, list) or not all(isinstance(text, str) and text.strip() for text in said):
        raise ValueError("its history has to be a list of sentences, the oldest first")
    "".join(said).encode()  # half a surrogate pair is no text
    return tuple(said)


def _text(row: Mapping[str, Any], key: str) -> str:
    """The text under a key, empty where it is null or missing. Raises ValueError."""
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"its {key} is {_kind(value)}, and has to be a text")
    return value or ""


def _kind(value: Any) -> str:
    """What a JSON value is, in plain words."""
    names = {list: "a list", dict: "an object", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else "a text")
