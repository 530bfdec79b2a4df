"""The user's own benchmark: a folder of pictures and one JSON line per query."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...indexes.errors import GalleryError
from ..errors import InputError
from ..records.lines import read_lines
from ..records.queries import check_keys, history_of
from .reading import check_ids, complete, field
from .records import Benchmark, Case, Item, Protocol
from .turns import FOLDED, asked

SPLITS = ("all",)
QUERIES = "queries.jsonl"
METRICS = ("Recall@1", "Recall@5", "Recall@10", "Recall@50", "mAP@5", "mAP@10", "aspects:Recall@10")


def protocol(name: str, *, exclude_reference: bool = True, turns: str = FOLDED) -> Protocol:
    """Every target counts as correct. ``turns`` other than folded are part of its name."""
    said = "" if turns == FOLDED else f"+turns-{turns}"
    return Protocol(
        name=name + ("" if exclude_reference else "+reference") + said,
        version=1,
        gallery="all pictures in the folder",
        exclude_reference=exclude_reference,
        modification="as it is",
        correct="all targets: Recall where one is found, mAP over all",
        metrics=METRICS,
    )


def load(
    data: Path,
    split: str = "all",
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    exclude_reference: bool = True,
    turns: str = FOLDED,
) -> Benchmark:
    """Read a ``queries.jsonl`` (``data`` itself, or in that folder).

    Lines hold ``reference``, ``modification``, ``targets`` (paths relative to the file) and, where
    wanted, ``id``, ``kind`` (scores are broken down by it), ``history`` (the sentences before it; ``turns``
    says what becomes of them, see `turns`) and ``meta`` (anything). The gallery is every picture in the
    file's folder. Raises InputError.
    """
    return read(
        data,
        "jsonl",
        split,
        allow_missing=allow_missing,
        annotations_only=annotations_only,
        exclude_reference=exclude_reference,
        turns=turns,
    )


def read(
    data: Path,
    name: str,
    split: str,
    *,
    allow_missing: bool,
    annotations_only: bool,
    exclude_reference: bool,
    turns: str = FOLDED,
) -> Benchmark:
    """As `load`, under the name of the benchmark that uses this format."""
    from ...indexes.scan import scan

    path = data / QUERIES if data.is_dir() else data
    cases = [_case(line, number, path, turns) for number, line in read_lines(path, "the queries")]
    if not cases:
        raise InputError(f"{path} holds no query")
    check_ids(cases, path)
    try:
        files = scan([path.parent]).files
    except GalleryError as problem:
        raise InputError(problem.message) from problem
    items = {found.id: Item(found.id, Path(found.path)) for found in files}
    for case in cases:
        for ident in (case.reference, *case.targets):
            items.setdefault(ident, Item(ident, path.parent / ident))
    rules = protocol(f"{name}/{split}", exclude_reference=exclude_reference, turns=turns)
    whole = Benchmark(name, split, rules, tuple(cases), tuple(items.values()))
    return complete(whole, {}, allow_missing=allow_missing, annotations_only=annotations_only)


def _case(line: str, number: int, path: Path, turns: str) -> Case:
    where = f"{path}, line {number}"
    before: tuple[str, ...] = ()
    try:
        row: Any = json.loads(line)
    except ValueError as problem:
        raise InputError(f"{where}: not JSON: {problem}") from problem
    if isinstance(row, dict):
        try:
            check_keys(row)
            before = history_of(row)
        except ValueError as problem:
            raise InputError(f"{where}: {problem}") from problem
    targets = tuple(str(Path(str(target))) for target in field(row, "targets", list, where))
    modification = str(field(row, "modification", str, where))
    if not targets:
        raise InputError(f"{where}: a query without targets cannot be scored", "use `likebut batch`")
    if not modification.strip():
        raise InputError(f"{where}: the modification is empty")
    modification, history = asked((*before, modification), turns)
    return Case(
        id=str(row.get("id", number)),
        reference=str(Path(str(field(row, "reference", str, where)))),
        modification=modification,
        targets=targets,
        correct=targets,
        aspects=tuple(str(row["kind"]).split("+")) if row.get("kind") else (),
        history=history,
    )
