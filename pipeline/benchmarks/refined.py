"""Refined annotations (CoLLM, Huynh et al., CVPR 2025): sentences of CIRR and FashionIQ said anew.

A language model rewrote sentences that fit several pictures, and queries that it could not save are
gone. References, targets and pictures are those of the official files, so that only these are needed
of a refined one: what names the query, and its sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .reading import read_json

Row = dict[str, Any]


def refined(
    rows: Sequence[Row], data: Path, file: str, key: Callable[[Mapping[str, Any]], Hashable], sentence: str
) -> dict[int, Row]:
    """Number → the row with the refined field ``sentence``, of the rows that are still asked, in order.

    ``file`` lies in ``data`` or its ``captions/``; rows of it belong together with ours by ``key``, and
    where several have one key, by their order. Raises InputError.
    """
    path = _found(data, file)
    waiting: dict[Hashable, list[Any]] = {}
    for number, row in enumerate(read_json(path, list, "list of refined annotations")):
        if not isinstance(row, Mapping) or None in _parts(key(row)) or not row.get(sentence):
            raise InputError(f"{path}, entry {number}: no query, or no {sentence!r} of it")
        waiting.setdefault(key(row), []).append(row[sentence])
    kept = {}
    for number, row in enumerate(rows):
        if said := waiting.get(key(row)):
            kept[number] = {**row, sentence: said.pop(0)}
    if not kept:
        raise InputError(f"{path} has none of the {len(rows):,} queries", "is it of another split?")
    return kept


def _parts(key: Hashable) -> tuple[Hashable, ...]:
    return key if isinstance(key, tuple) else (key,)


def _found(data: Path, file: str) -> Path:
    """The first of the places that holds it, else the first of all."""
    places = (data / "captions" / file, data / file, Path(file))
    return next((path for path in places if path.is_file()), places[0])
