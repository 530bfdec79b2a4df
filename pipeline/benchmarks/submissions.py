"""Submission files of the official servers: written, read, and checked to the last entry.

What a server takes stands beside the reader of its benchmark (``SERVER``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError, InputError
from ..machine.outputs import replacing
from . import BENCHMARKS, reader
from .records import Benchmark, SubmissionServer


def server(name: str) -> SubmissionServer | None:
    """What the server of a benchmark takes; None where it has none."""
    found: SubmissionServer | None = getattr(reader(name), "SERVER", None)
    return found


def _server(name: str, what: str) -> SubmissionServer:
    """Raises ConfigError where there is none."""
    found = server(name)
    if found is None:
        having = " and ".join(other for other in BENCHMARKS if server(other))
        raise ConfigError(f"{name} has no {what}", f"{having} have one")
    return found


def write(
    benchmark: Benchmark,
    rankings: Mapping[str, Sequence[str]],
    subsets: Mapping[str, Sequence[str]],
    folder: Path,
) -> list[Path]:
    """Write the server's files into ``folder``; rankings are item ids without the reference.

    Raises ConfigError for a benchmark without a server, InputError where a query has too few places.
    """
    wanted = _server(benchmark.name, "server to submit to")
    spelled = int if wanted.numbers else str
    contents: list[tuple[str, dict[str, Any]]] = []
    for file in wanted.files:
        lists = subsets if file.subset else rankings
        first = {ident: _first(ident, ids, file.places) for ident, ids in lists.items()}
        own = {ident: list(map(spelled, ids)) for ident, ids in first.items()}
        contents.append((file.name, {**dict(file.header), **own}))
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents:
        with replacing(folder / name) as fresh:
            fresh.write_text(json.dumps(content, separators=(",", ":")))
    return [folder / name for name, _ in contents]


def check_free(name: str, folder: Path) -> None:
    """Raises ConfigError where the submission of a benchmark would replace what is no submission."""
    takes = server(name)
    for path in (folder / file.name for file in (takes.files if takes else ())):
        if path.exists():
            try:
                read(path)
            except InputError as problem:
                raise ConfigError(
                    f"{path} is there already and is no submission", "name another folder"
                ) from problem


def _first(ident: str, ids: Sequence[str], places: int) -> list[str]:
    if len(ids) < places:
        raise InputError(f"query {ident} has {len(ids)} places, the server wants {places}")
    return list(ids[:places])


def read(path: Path) -> tuple[dict[str, list[str]], bool]:
    """Query id → item ids of a submission file, and whether it ranks CIRR's subsets.

    Raises InputError where it is no submission at all; `problems` finds the finer faults.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_no_twins)
    except (OSError, ValueError) as problem:
        raise InputError(f"cannot read the submission {path}: {problem}") from problem
    if not isinstance(content, dict):
        raise InputError(f"{path} is no submission: a JSON object was expected")
    subset = content.pop("metric", "recall") == "recall_subset"
    content.pop("version", None)
    for ident, ids in content.items():
        if not isinstance(ids, list):
            raise InputError(f"{path}: query {ident} has no list of places")
    return {ident: [str(value) for value in ids] for ident, ids in content.items()}, subset


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twin!r} is there twice")
    return result


def problems(path: Path, name: str, benchmark: Benchmark | None = None) -> list[str]:
    """What the server of benchmark ``name`` would refuse, a line each, with where it is.

    With a ``benchmark``, ids of queries and pictures are checked, too.
    """
    wanted = _server(name, "submission format")
    lists, subset = read(path)
    file = next(file for file in wanted.files if file.subset == subset)
    found = _header(path, wanted)
    for ident, ids in lists.items():
        found += _faults(ident, ids, file.places, numbers=wanted.numbers)
    if benchmark is not None:
        found += _against(lists, benchmark, subset)
    elif wanted.numbers:
        found += _numbering(lists)
    return found


def _header(path: Path, wanted: SubmissionServer) -> list[str]:
    """What is wrong with the fields beside the queries, and with the size."""
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    found = []
    for key, _ in wanted.files[0].header:
        allowed = list(dict.fromkeys(dict(file.header)[key] for file in wanted.files))
        if content.get(key) not in allowed:
            words = " or ".join(map(repr, allowed))
            found.append(f'"{key}" is {content.get(key)!r}, not {words}')
    if wanted.most_bytes and path.stat().st_size > wanted.most_bytes:
        size = path.stat().st_size
        found.append(f"the file has {size:,} bytes, the server takes {wanted.most_bytes:,}")
    return found


def _faults(ident: str, ids: list[str], places: int, *, numbers: bool) -> list[str]:
    found = []
    if len(ids) != places:
        found.append(f"query {ident}: {len(ids)} places instead of {places}")
    if len(set(ids)) != len(ids):
        twin = next(value for value in ids if ids.count(value) > 1)
        found.append(f"query {ident}: {twin} is there {ids.count(twin)} times")
    if numbers and not all(value.isdigit() for value in ids):
        wrong = next(value for value in ids if not value.isdigit())
        found.append(f"query {ident}: {wrong!r} is no picture number")
    return found


def _numbering(lists: Mapping[str, Any]) -> list[str]:
    expected = {str(number) for number in range(len(lists))}
    gone = sorted(expected - set(lists), key=int)
    return [f"query {gone[0]} is missing ({len(gone)} in all)"] if gone else []


def _against(lists: Mapping[str, list[str]], benchmark: Benchmark, subset: bool) -> list[str]:
    cases = {case.id: case for case in benchmark.cases}
    items = {item.id for item in benchmark.items}
    found = []
    gone = [ident for ident in cases if ident not in lists]
    if gone:
        found.append(f"query {gone[0]} is missing ({len(gone)} in all)")
    for ident, ids in lists.items():
        if ident not in cases:
            found.append(f"query {ident} is not in {benchmark.name} {benchmark.split}")
            continue
        allowed = set(cases[ident].subset) if subset else items
        strange = [value for value in ids if allowed and value not in allowed]
        if strange:
            where = "the query's subset" if subset else "the gallery"
            found.append(f"query {ident}: {strange[0]} is not in {where}")
    return found


def remarks(path: Path, benchmark: Benchmark) -> list[str]:
    """What a server takes, and a reader should know: references that rank themselves."""
    lists, _ = read(path)
    ranked = [case for case in benchmark.cases if case.reference in lists.get(case.id, ())]
    if not ranked:
        return []
    first = ranked[0]
    place = lists[first.id].index(first.reference) + 1
    return [f"{len(ranked)} queries rank their own reference, such as query {first.id} at place {place}"]
