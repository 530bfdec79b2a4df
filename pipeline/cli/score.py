"""`score` and `check-submission`: numbers from files alone, no model needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError, InputError
from .money import tell_ledger
from .options import FormatOption, read_options
from .output import Format, say, write_rows

if TYPE_CHECKING:
    from ..benchmarks.records import Benchmark
    from ..evaluation.runs import Run

SCORE_EPILOG = (
    "Examples: [cyan]likebut score runs/likebut runs/cirevl[/cyan] · "
    "[cyan]likebut score theirs.json --benchmark circo --data CIRCO --split val[/cyan]"
)
CHECK_EPILOG = "Example: [cyan]likebut check-submission circo.json --benchmark circo[/cyan]"

BenchmarkOption = Annotated[str, typer.Option("--benchmark", "-b", help="Whose file it is.")]
DataOption = Annotated[Path | None, typer.Option("--data", "-d", help="The annotations' folder.")]
SplitOption = Annotated[str, typer.Option("--split", "-s", help="Default: the first split.")]
OptionOption = Annotated[
    list[str] | None, typer.Option("--option", "-o", metavar="NAME=VALUE", help="Of the protocol.")
]


def score(
    sources: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, or a submission.")],
    benchmark: BenchmarkOption = "",
    data: DataOption = None,
    split: SplitOption = "",
    option: OptionOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Compute the metrics again from runs, or of anybody's submission file where labels are at hand."""
    from ..evaluation import runs

    if not sources[0].is_file():
        show_summaries([runs.open_run(source) for source in sources], form)
        return
    if not benchmark or data is None or len(sources) > 1:
        raise ConfigError(
            "a submission file is scored against labels", "--benchmark NAME --data DIR --split SPLIT"
        )
    labels = _labels(benchmark, data, split, option)
    _show(_metrics_of_submission(sources[0], labels), form, labels.protocol.title)


def _labels(name: str, data: Path, split: str, option: list[str] | None) -> Benchmark:
    from .. import benchmarks

    return benchmarks.load(name, data, split, annotations_only=True, **read_options(option))


def _metrics_of_submission(path: Path, benchmark: Benchmark) -> dict[str, Any]:
    """As the server scores: the places as they stand."""
    from dataclasses import replace

    from ..benchmarks import submissions
    from ..evaluation import judging as scoring
    from ..evaluation import metrics

    if not benchmark.labelled:
        raise InputError(f"{benchmark.name} {benchmark.split} has no public labels", "its server scores it")
    lists, subset = submissions.read(path)
    gone = [case.id for case in benchmark.cases if case.id not in lists]
    if gone:
        raise InputError(
            f"{path} has no query {gone[0]} ({len(gone)} of {len(benchmark.cases)} are missing)"
        )
    names = tuple(n for n in benchmark.protocol.metrics if n.startswith("subset") == subset)
    rules = replace(benchmark.protocol, exclude_reference=False, metrics=names)
    rankings = [metrics.in_order(lists[case.id]) for case in benchmark.cases]
    rows = scoring.score_all(benchmark.cases, rules, rankings, [None] * len(rankings))
    by_case = {case.id: row for case, row in zip(benchmark.cases, rows, strict=True)}
    groups = scoring.of_groups(benchmark.cases, rules, by_case)
    return metrics.table([*rows, *groups.values()])


def _show(table: dict[str, Any], form: Format, title: str) -> None:
    if form is Format.json:
        write_rows([{name: row["mean"] for name, row in table.items()}], form)
        return
    say(title)
    rows = [{"metric": name, **_percent(row)} for name, row in table.items()]
    write_rows(rows, form)


def _percent(row: dict[str, float]) -> dict[str, Any]:
    shown = f"{100 * row['mean']:.2f}"
    return {"%": shown, "95 % interval": f"{100 * row['low']:.2f} – {100 * row['high']:.2f}", "n": row["n"]}


def show_summaries(found: Sequence[Run], form: Format) -> None:
    """One run as a table of metrics; several as a table of runs, with their mean for parts."""
    from ..asking.ledger import costs
    from ..evaluation import runs

    numbers = [runs.summary(run) for run in found]
    if form in (Format.json, Format.jsonl):
        rows = [
            {"run": run.name, **{k: v for k, v in n.items() if k != "metrics"}}
            | {"spending": costs(run.folder / runs.SPENDING)}
            | {name: value["mean"] for name, value in n["metrics"].items()}
            | {"intervals": {name: [v["low"], v["high"]] for name, v in n["metrics"].items()}}
            for run, n in zip(found, numbers, strict=True)
        ]
        write_rows(rows, form)
    elif len(found) == 1:
        _say_counts(numbers[0])
        tell_ledger(found[0].folder / runs.SPENDING)
        write_rows([{"metric": k, **_percent(v)} for k, v in numbers[0]["metrics"].items()], form)
    else:
        _show_several(found, numbers, form)


def _say_counts(numbers: dict[str, Any]) -> None:
    say(
        f"{numbers['protocol']}: {numbers['queries']} queries, {numbers['errors']} failed (counted as "
        f"not found), {numbers['fallbacks']} fallbacks, {numbers['calls']} calls, "
        f"{numbers['repaired']} repaired replies"
    )


def _show_several(found: Sequence[Run], numbers: Sequence[dict[str, Any]], form: Format) -> None:
    names = [name for name in numbers[0]["metrics"] if " " not in name]
    rows = []
    for run, one in zip(found, numbers, strict=True):
        row: dict[str, Any] = {"run": run.name, "protocol": one["protocol"], "n": one["queries"]}
        for name in names:
            value = one["metrics"].get(name)
            row[name] = _with_interval(value) if value else "–"
        rows.append({**row, "fallbacks": one["fallbacks"], "errors": one["errors"]})
    if len({one["protocol"] for one in numbers}) == len(numbers):
        means = {n: _mean([one["metrics"].get(n, {}).get("mean") for one in numbers]) for n in names}
        rows.append({"run": "mean", "protocol": "", "n": "", **means, "fallbacks": "", "errors": ""})
    write_rows(rows, form)


def _with_interval(value: dict[str, float]) -> str:
    return f"{100 * value['mean']:.1f} ({100 * value['low']:.1f}–{100 * value['high']:.1f})"


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{100 * sum(known) / len(known):.2f}" if len(known) == len(values) else "–"


def check_submission(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A submission, of whoever made it.")],
    benchmark: BenchmarkOption,
    data: DataOption = None,
    split: SplitOption = "",
) -> None:
    """Say whether the official server will take a file, and what is wrong and where."""
    from ..benchmarks import submissions

    labels = _labels(benchmark, data, split, None) if data else None
    found = submissions.problems(path, benchmark, labels)
    for line in found[:20]:
        say(line)
    for line in submissions.remarks(path, labels) if labels else []:
        say(f"note: {line}")
    if found:
        raise InputError(f"{path}: {len(found)} problems", "the first 20 are above")
    print(f"{path}: fit to be submitted")
