"""The run folder of one evaluation: what was asked, one JSON line per query, and the numbers.

`run.json` holds everything that decides the results, `results.jsonl` what every query gave,
`log.jsonl` what differs from one execution to the next (seconds, cached answers), `spending.jsonl`
what the run paid for model calls (see `ledger`), and `metrics.json`, written last, the numbers.
Nothing in results or metrics depends on how often the run was interrupted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..benchmarks.records import Case, Protocol
from ..errors import ConfigError, InputError
from ..records.lines import own_lines, write_json
from . import judging as scoring
from . import metrics
from .metrics import Ranked

CONFIG, RESULTS, LOG, METRICS = "run.json", "results.jsonl", "log.jsonl", "metrics.json"
SPENDING = "spending.jsonl"
FORMAT = 1


@dataclass(frozen=True)
class Result:
    """What one query gave: its labels, rankings of (item id, score), and what it cost."""

    case: Case
    ranking: tuple[tuple[str, float], ...] = ()
    subset: tuple[tuple[str, float], ...] = ()
    captions: tuple[str, ...] = ()
    intent: Mapping[str, Any] | None = None
    calls: int = 0
    prompt_tokens: int = 0
    reply_tokens: int = 0
    repaired: int = 0
    warnings: tuple[str, ...] = ()
    error: str = ""

    def to_line(self) -> str:
        """One JSON line."""
        return json.dumps({**vars(self), "case": vars(self.case)}, separators=(",", ":")) + "\n"

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> Result:
        """The result of a line's JSON."""
        case: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record["case"].items()
        }
        return Result(
            case=Case(**case),
            ranking=tuple((str(ident), float(score)) for ident, score in record["ranking"]),
            subset=tuple((str(ident), float(score)) for ident, score in record["subset"]),
            captions=tuple(record["captions"]),
            intent=record["intent"],
            calls=record["calls"],
            prompt_tokens=record["prompt_tokens"],
            reply_tokens=record["reply_tokens"],
            repaired=record.get("repaired", 0),
            warnings=tuple(record["warnings"]),
            error=record["error"],
        )


@dataclass(frozen=True)
class Run:
    """A run that is on disk."""

    folder: Path
    config: Mapping[str, Any]
    results: tuple[Result, ...]

    @property
    def protocol(self) -> Protocol:
        """The protocol that the run was made under."""
        fields = dict(self.config["protocol"])
        return Protocol(**{**fields, "metrics": tuple(fields["metrics"])})

    @property
    def name(self) -> str:
        """What tables call it: the folder's name."""
        return self.folder.name


def open_run(folder: Path) -> Run:
    """Read a run, finished or not. Raises InputError where there is none, or a line is broken."""
    return Run(folder, read_config(folder), tuple(read_results(folder / RESULTS)))


def read_config(folder: Path) -> dict[str, Any]:
    """`run.json`. Raises InputError."""
    path = folder / CONFIG
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no run in {folder}: it has no {CONFIG}") from None
    except (OSError, ValueError) as problem:
        raise InputError(f"cannot read {path}: {problem}") from problem
    if config.get("format") != FORMAT:
        raise InputError(f"{path} has format {config.get('format')}, this version reads {FORMAT}")
    return config


def start(folder: Path, config: Mapping[str, Any]) -> None:
    """Make the folder, or see that it holds the same run. Raises ConfigError where it does not."""
    wanted = json.loads(json.dumps({"format": FORMAT, **config}))
    if (folder / CONFIG).exists():
        known = read_config(folder)
        other = [key for key in wanted | known if wanted.get(key) != known.get(key)]
        if other:
            raise ConfigError(
                f"{folder} holds another run: {', '.join(other)} differ", "name a new --out folder"
            )
        return
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty and holds no run", "name a new --out folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG, wanted)


def read_results(path: Path) -> Iterator[Result]:
    """The results in ``path``. Raises InputError naming a line that is none."""
    if not path.exists():
        return
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, 1):
            try:
                yield Result.from_record(json.loads(line))
            except (ValueError, KeyError, TypeError) as problem:
                raise InputError(f"{path}, line {number}: not a result: {problem}") from problem


def finished(path: Path) -> dict[str, str]:
    """Query id → its error, of the whole lines in ``path``. Raises InputError as `read_results`."""

    def read(record: Any) -> tuple[str, str]:
        return str(record["case"]["id"]), str(record["error"])

    return dict(own_lines(path, b'{"case":', read, "a result")[0])


def per_query(run: Run) -> dict[str, dict[str, float]]:
    """Query id → every metric. A query that failed found nothing, and counts as such.

    Behind the queries come groups of them, where the protocol has metrics of groups.
    """
    whole = bool(run.config["whole_rankings"])
    rows = {
        result.case.id: scoring.score(
            result.case, run.protocol, _ranked(run, result), subset=result.subset or None, whole=whole
        )
        for result in run.results
        if result.case.targets
    }
    return rows | scoring.of_groups([result.case for result in run.results], run.protocol, rows)


def _ranked(run: Run, result: Result) -> Ranked:
    return result.subset if run.protocol.own_galleries else result.ranking


def summary(run: Run) -> dict[str, Any]:
    """Metrics with intervals, and what it took; a plain record."""
    rows: Sequence[Mapping[str, float]] = list(per_query(run).values())
    return {
        "protocol": run.protocol.title,
        "queries": len(run.results),
        "errors": sum(bool(result.error) for result in run.results),
        "fallbacks": sum(bool((result.intent or {}).get("fallback")) for result in run.results),
        "repaired": sum(result.repaired for result in run.results),
        "calls": sum(result.calls for result in run.results),
        "prompt_tokens": sum(result.prompt_tokens for result in run.results),
        "reply_tokens": sum(result.reply_tokens for result in run.results),
        "metrics": metrics.table(rows) if rows else {},
    }
