"""Refined annotations (CoLLM, Huynh et al., CVPR 2025): sentences of CIRR and FashionIQ said anew.

A language model rewrote sentences that fit several pictures, and queries that it could not save are
gone. References, targets and pictures are those of the official files, so that only these are needed
of a refined one: what names the query, and its sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .reading import read_json

Row = dict[str, Any]


def refined(
    rows: Sequence[Row], data: Path, file: str, names: Sequence[str], sentence: str
) -> dict[int, Row]:
    """Number → the row with the refined field ``sentence``, of the rows that are still asked, in order.

    ``file`` lies in ``data`` or its ``captions/``, or is a path. Rows of it belong together with ours by
    the fields ``names``, and where several have the same, by their order. Raises InputError.
    """
    path = _found(data, str(file))
    waiting: dict[tuple[str, ...], list[Any]] = {}
    for number, row in enumerate(read_json(path, list, "list of refined annotations")):
        key = _key(row, names)
        if not key or not row.get(sentence):
            fields = ", ".join((*names, sentence))
            raise InputError(f"{path}, entry {number}: it lacks one of {fields}")
        waiting.setdefault(key, []).append(row[sentence])
    kept = {}
    for number, row in enumerate(rows):
        if said := waiting.get(_key(row, names)):
            kept[number] = {**row, sentence: said.pop(0)}
    if not kept:
        raise InputError(f"{path} has none of the {len(rows):,} queries", "is it of another split?")
    return kept


def _key(row: Any, names: Sequence[str]) -> tuple[str, ...]:
    """What the fields hold; empty where one is missing."""
    values = [row.get(name) for name in names] if isinstance(row, Mapping) else [None]
    return () if None in values else tuple(map(str, values))


def _found(data: Path, file: str) -> Path:
    """The first of the places that holds it, else the first of all."""
    places = (data / "captions" / file, data / file, Path(file))
    return next((path for path in places if path.is_file()), places[0])
