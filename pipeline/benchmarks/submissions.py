"""Submission files of the official servers: written, read, and checked to the last entry.

CIRR (server format "rc2") takes two files, 50 names and 3 subset names a query; CIRCO takes one,
50 picture numbers a query.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError, InputError
from ..machine.outputs import replacing
from .records import Benchmark

PLACES = 50
SUBSET_PLACES = 3
CIRR_BYTES = 5_000_000
CIRR_VERSION = "rc2"
# File names of what is written, by benchmark.
FILES = {
    "cirr": ("cirr_recall.json", "cirr_recall_subset.json"),
    "circo": ("circo.json",),
}


def write(
    benchmark: Benchmark,
    rankings: Mapping[str, Sequence[str]],
    subsets: Mapping[str, Sequence[str]],
    folder: Path,
) -> list[Path]:
    """Write the server's files into ``folder``; rankings are item ids without the reference.

    Raises ConfigError for a benchmark without a server, InputError where a query has too few places.
    """
    if benchmark.name not in FILES:
        raise ConfigError(f"{benchmark.name} has no server to submit to", "cirr and circo have one")
    contents: list[dict[str, Any]]
    if benchmark.name == "circo":
        contents = [
            {ident: list(map(int, _first(ident, ids, PLACES))) for ident, ids in rankings.items()}
        ]
    else:
        contents = [
            {"version": CIRR_VERSION, "metric": metric}
            | {ident: _first(ident, ids, places) for ident, ids in lists.items()}
            for metric, lists, places in (
                ("recall", rankings, PLACES), ("recall_subset", subsets, SUBSET_PLACES),
            )
        ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in zip(FILES[benchmark.name], contents, strict=True):
        path = folder / name
        with replacing(path) as fresh:
            fresh.write_text(json.dumps(content, separators=(",", ":")))
        paths.append(path)
    return paths


def check_free(name: str, folder: Path) -> None:
    """Raises ConfigError where the submission of a benchmark would replace what is no submission."""
    for path in (folder / file for file in FILES.get(name, ())):
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
    if name not in FILES:
        raise ConfigError(f"{name} has no submission format", "cirr and circo have one")
    lists, subset = read(path)
    found = _header(path) if name == "cirr" else []
    places = SUBSET_PLACES if subset else PLACES
    for ident, ids in lists.items():
        found += _faults(ident, ids, places, name)
    if benchmark is not None:
        found += _against(lists, benchmark, subset)
    elif name == "circo":
        found += _numbering(lists)
    return found


def _header(path: Path) -> list[str]:
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    found = []
    if content.get("version") != CIRR_VERSION:
        found.append(f'"version" is {content.get("version")!r}, not {CIRR_VERSION!r}')
    if content.get("metric") not in ("recall", "recall_subset"):
        found.append(f'"metric" is {content.get("metric")!r}, not "recall" or "recall_subset"')
    if path.stat().st_size > CIRR_BYTES:
        found.append(f"the file has {path.stat().st_size:,} bytes, the server takes {CIRR_BYTES:,}")
    return found


def _faults(ident: str, ids: list[str], places: int, name: str) -> list[str]:
    found = []
    if len(ids) != places:
        found.append(f"query {ident}: {len(ids)} places instead of {places}")
    if len(set(ids)) != len(ids):
        twin = next(value for value in ids if ids.count(value) > 1)
        found.append(f"query {ident}: {twin} is there {ids.count(twin)} times")
    if name == "circo" and not all(value.isdigit() for value in ids):
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
    return [
        f"{len(ranked)} queries rank their own reference, such as query {first.id} at place {place}"
    ]
