"""Captions of a gallery from a file, and a benchmark over them instead of over pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..records.lines import numbered, read_text, split
from .reading import reduced
from .records import Benchmark, Item

NAMES = ("id", "candidate", "file", "image", "name")
FIELDS = ("captions", "caption")
REWRITES = ("target_caption", "rewrite", "rewrites", *FIELDS)


def read_captions(path: Path, fields: Sequence[str] = FIELDS) -> dict[str, tuple[str, ...]]:
    """Item id → captions, from whichever of ``fields`` a record has.

    The file is a JSON object {id: caption or [captions]}, a JSON list of records, or JSON lines of
    records {id (or candidate, file, …), caption or captions}. Raises InputError with the place.
    """
    text = read_text(path, "the captions")
    found: dict[str, tuple[str, ...]] = {}
    for where, ident, value in _entries(text, path, fields):
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            raise InputError(f"{where}: a caption or a list of captions was expected")
        if ident in found:
            raise InputError(f"{where}: {ident!r} has captions twice")
        found[ident] = tuple(one.strip() for one in texts if one.strip())
    captioned = {ident: texts for ident, texts in found.items() if texts}
    if not captioned:
        raise InputError(f"{path} holds no caption")
    return captioned


def _entries(text: str, path: Path, fields: Sequence[str]) -> Iterable[tuple[str, str, Any]]:
    """(where, id, caption or captions) of every entry."""
    try:
        whole = json.loads(text)
    except ValueError:
        for number, line in numbered(split(text)):
            where = f"{path}, line {number}"
            yield _entry(where, _parsed(where, line), fields)
        return
    if isinstance(whole, Mapping) and not set(whole) & set(fields):
        for ident, value in whole.items():
            yield f"{path}, {ident}", str(ident), value
        return
    for number, row in enumerate(whole if isinstance(whole, list) else [whole]):
        yield _entry(f"{path}, entry {number}", row, fields)


def _parsed(where: str, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as problem:
        raise InputError(f"{where}: not JSON: {problem}") from problem


def _entry(where: str, row: Any, fields: Sequence[str]) -> tuple[str, str, Any]:
    name = next((name for name in NAMES if isinstance(row, Mapping) and name in row), None)
    if name is None:
        raise InputError(f"{where}: no field says whose caption it is", "name it id, candidate or file")
    return where, str(row[name]), next((row[f] for f in fields if f in row), None)


def in_caption_space(
    benchmark: Benchmark, captions: Mapping[str, tuple[str, ...]], *, allow_missing: bool = False
) -> tuple[Benchmark, dict[str, tuple[str, ...]]]:
    """The benchmark over captioned items, and their captions.

    Raises InputError where items have no caption, unless ``allow_missing``.
    """
    items = benchmark.items or tuple(Item(ident, Path()) for ident in captions)
    here = tuple(item for item in items if item.id in captions)
    gone = tuple(item.id for item in items if item.id not in captions)
    if gone and not allow_missing:
        raise InputError(
            f"{len(gone):,} of {len(items):,} pictures have no caption, such as {gone[0]}",
            "--allow-missing scores what is there",
        )
    rules = benchmark.protocol
    rules = replace(
        rules, name=f"{rules.name}+captions", gallery=f"{rules.gallery}, by captions and without pixels"
    )
    smaller = reduced(replace(benchmark, protocol=rules), here, gone)
    return smaller, {item.id: captions[item.id] for item in here}
