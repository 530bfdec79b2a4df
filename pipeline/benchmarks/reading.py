"""What all readers need: JSON with clear errors, counts that are checked, pictures that exist."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from .records import Benchmark, Case, Item


def read_json(path: Path, kind: type, what: str) -> Any:
    """The JSON in ``path``, of type ``kind``. Raises InputError naming the file and what it holds."""
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(
            f"no {what} at {path}", "give the folder that holds the official files with --data"
        ) from None
    except (OSError, ValueError) as problem:
        raise InputError(f"cannot read the {what} in {path}: {problem}") from problem
    if not isinstance(value, kind):
        raise InputError(f"{path} is no {what}: a {kind.__name__} was expected")
    return value


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table by column. Raises InputError naming the file and the column that it lacks."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        hint = "give the folder that holds the official files with --data"
        raise InputError(f"no table at {path}", hint) from None
    except (OSError, ValueError, csv.Error) as problem:
        raise InputError(f"cannot read the table {path}: {problem}") from problem
    for number, row in enumerate(rows, 2):
        for column in columns:
            if not row.get(column):
                raise InputError(f"{path}, line {number}: the column {column!r} is missing or empty")
    return rows


def read_rows(path: Path, columns: int) -> list[list[str]]:
    """The lines of a list without a header, split at commas and nothing else; empty ones are passed over.

    Raises InputError naming the file and the line that has fewer than ``columns``.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        hint = "give the folder that holds the official files with --data"
        raise InputError(f"no list at {path}", hint) from None
    except (OSError, ValueError) as problem:
        raise InputError(f"cannot read the list {path}: {problem}") from problem
    rows = []
    for number, line in enumerate(lines, 1):
        parts = line.strip().split(",")
        if not line.strip():
            continue
        if len(parts) < columns or not all(parts[:columns]):
            raise InputError(f"{path}, line {number}: {columns} values between commas were expected")
        rows.append(parts)
    return rows


def field(row: Mapping[str, Any], name: str, kind: type | tuple[type, ...], where: str) -> Any:
    """``row[name]`` of type ``kind``. Raises InputError saying where the field is missing."""
    if not isinstance(row, Mapping) or not isinstance(row.get(name), kind):
        raise InputError(f"{where}: the field {name!r} is missing or of the wrong type")
    return row[name]


def first_folder(*folders: Path) -> Path:
    """The first folder that exists, else the first of all."""
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def check_ids(cases: Sequence[Case], path: Path) -> None:
    """Raises InputError for an id that is there twice."""
    twice = [ident for ident, count in Counter(case.id for case in cases).items() if count > 1]
    if twice:
        raise InputError(f"{path}: the id {twice[0]!r} is there {len(twice) + 1} times")


def complete(
    benchmark: Benchmark,
    expected: Mapping[str, int],
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
) -> Benchmark:
    """The benchmark with what is there.

    Raises InputError where counts differ from ``expected`` ("queries", "pictures"), or pictures
    are missing, unless ``allow_missing``: then cases without their reference or without any target
    are dropped and named in ``dropped``. ``annotations_only`` looks for no picture.
    """
    wrong = _miscounted(benchmark, expected, annotations_only)
    missing: list[str] = []
    if not annotations_only:
        missing = [item.id for item in benchmark.items if not item.path.is_file()]
    if (wrong or missing) and not allow_missing:
        hint = "--allow-missing scores what is there"
        raise InputError(_incomplete(benchmark, wrong, missing), hint)
    if annotations_only:
        return benchmark
    gone = set(missing)
    here = tuple(item for item in benchmark.items if item.id not in gone)
    return reduced(benchmark, here, tuple(missing))


def _miscounted(benchmark: Benchmark, expected: Mapping[str, int], annotations_only: bool) -> list[str]:
    found = {"queries": len(benchmark.cases), "pictures": len(benchmark.items)}
    names = ("queries",) if annotations_only else ("queries", "pictures")
    return [
        f"{found[name]:,} {name} of {expected[name]:,}"
        for name in names
        if name in expected and found[name] != expected[name]
    ]


def reduced(benchmark: Benchmark, here: tuple[Item, ...], missing: tuple[str, ...]) -> Benchmark:
    """The benchmark over the items that are here; cases that cannot be asked are dropped.

    A subset that is not whole would be easier: it is emptied, and has no score. A case that is ranked
    over nothing else is dropped.
    """
    known = {item.id for item in here}
    kept, dropped = [], []
    for case in benchmark.cases:
        targets = _present(case.targets, known)
        if (case.reference and case.reference not in known) or (case.targets and not targets):
            dropped.append(case.id)
            continue
        correct = _present(case.correct, known)
        subset = case.subset if known.issuperset(case.subset) else ()
        if benchmark.protocol.own_galleries and case.subset and not subset:
            dropped.append(case.id)
            continue
        kept.append(replace(case, targets=targets, correct=correct, subset=subset))
    if not kept:
        count = len(benchmark.cases)
        raise InputError(f"none of the {count:,} queries can be asked: their pictures are missing")
    return replace(benchmark, cases=tuple(kept), items=here, missing=missing, dropped=tuple(dropped))


def _present(ids: Iterable[str], known: set[str]) -> tuple[str, ...]:
    return tuple(ident for ident in ids if ident in known)


def _incomplete(benchmark: Benchmark, wrong: list[str], missing: list[str]) -> str:
    parts = list(wrong)
    if missing:
        example = next(item.path for item in benchmark.items if item.id == missing[0])
        parts.append(f"{len(missing):,} of {len(benchmark.items):,} pictures missing, such as {example}")
    return f"{benchmark.name} {benchmark.split} is not complete: {'; '.join(parts)}"
