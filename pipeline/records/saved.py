"""Queries that were answered before, as files keep them: `query -f json`, `batch`, `eval`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, did_you_mean
from ..machine.spelling import is_no_file
from .lines import numbered, read_text, split
from .trace import Description, Intent, Query, Trace
from .traces import intent_from_json


def read_saved(path: Path, ident: str = "") -> Trace:
    """The one query of a file, or the one with this id, with what was understood of it.

    The reference of a run's query is the id of an item, as `eval` writes it. Recipe and profile are
    empty where they were not kept. Raises InputError.
    """
    found: dict[str, Trace] = {}
    for number, record in _records(path):
        try:
            saved = _saved(record)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise InputError(
                f"{path} line {number}: no trace and no result of a run",
                "give a file of `query --format json`, `batch` or `eval`",
            ) from problem
        found[saved.query.id] = saved
    if not found:
        raise InputError(f"{path} holds no query")
    if not ident and len(found) > 1:
        raise InputError(f"{path} holds {len(found)} queries", "choose one with --id")
    if ident and ident not in found:
        raise InputError(f"{path} has no query {ident!r}", did_you_mean(ident, list(found)[:50]))
    return found[ident] if ident else next(iter(found.values()))


def _records(path: Path) -> Iterator[tuple[int, Any]]:
    """The JSON values of a file, one whole or one a line, each with its line."""
    text = read_text(path)
    try:
        yield 1, json.loads(text)
        return
    except (ValueError, RecursionError):
        pass
    for number, line in numbered(split(text)):
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise InputError(f"{path} line {number} is no JSON") from problem


def _saved(record: Mapping[str, Any]) -> Trace:
    record = record.get("after", record)  # as `prompts edit --format json` writes it
    asked = record["case"] if "case" in record else record["query"]
    reference = asked["reference"]
    query = Query(
        str(asked["id"]),
        Path(reference) if reference else None,
        str(asked["modification"]),
        reference if reference and is_no_file(reference) else "",
    )
    return Trace(
        query,
        str(record.get("recipe", "")),
        str(record.get("profile", "")),
        Description(tuple(map(str, record["captions"]))),
        intent_from_json(record["intent"]) if record["intent"] else Intent(""),
    )
