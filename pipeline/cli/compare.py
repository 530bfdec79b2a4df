"""`compare`: what changed between runs, whether it is real, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import EXIT_PARTIAL, ConfigError, did_you_mean
from .options import FormatOption
from .output import Format, say, write_rows, write_table

if TYPE_CHECKING:
    from ..evaluation.compare import Difference
    from ..evaluation.runs import Run

EPILOG = (
    "Example: [cyan]likebut compare runs/cirevl runs/likebut --metric Recall@10[/cyan] · in CI: "
    "[cyan]--fail-on-regression Recall@10:0.02[/cyan] exits with 5 where it lost more than that"
)


def compare(
    sources: Annotated[
        list[Path], typer.Argument(metavar="RUN_A RUN_B...", help="The first, and those against it.")
    ],
    metric: Annotated[str, typer.Option("--metric", "-m", help="Whose changes are listed.")] = "",
    fail: Annotated[
        str, typer.Option("--fail-on-regression", metavar="METRIC:DELTA", help="Exit 5 on a loss.")
    ] = "",
    form: FormatOption = Format.table,
) -> None:
    """Paired differences with intervals and p-values, the queries that changed, and the cost."""
    from ..evaluation import compare as comparing
    from ..evaluation import runs

    if len(sources) < 2:
        raise ConfigError("one run has nothing to be compared with", "name two run folders or more")
    first, *others = (runs.open_run(source) for source in sources)
    rows, lost = [], False
    bound = _bound(fail)
    for other in others:
        found = comparing.differences(first, other)
        rows += [{"run": other.name, **difference_row(one)} for one in found]
        lost = lost or _regressed(found, bound)
    known = list(dict.fromkeys(str(row["metric"]) for row in rows))
    if metric and metric not in known:
        raise ConfigError(f"the runs have no metric {metric!r}", did_you_mean(metric, known))
    write_rows(rows, form)
    if form is Format.table:
        for other in others:
            _show_changes(first, other, metric or str(rows[0]["metric"]))
        say("")
        write_table([comparing.cost(run) for run in (first, *others)], list(comparing.cost(first)))
    if lost:
        say(f"regression: a run lost more than {fail}")
        raise typer.Exit(EXIT_PARTIAL)


def difference_row(one: Difference) -> dict[str, Any]:
    """A paired difference in percent, as a row of a table."""
    return {
        "metric": one.metric,
        "A %": round(100 * one.first, 2),
        "B %": round(100 * one.second, 2),
        "B − A": round(100 * one.difference, 2),
        "95 % interval": f"{100 * one.low:+.2f} – {100 * one.high:+.2f}",
        "p": round(one.p_value, 4),
        "n": one.n,
    }


def _bound(text: str) -> tuple[str, float] | None:
    if not text:
        return None
    from ..config.finite import finite

    name, _, number = text.rpartition(":")
    try:
        delta = finite(number)
    except ValueError:
        delta = -1.0
    if not name or delta < 0:
        raise ConfigError(
            f"--fail-on-regression {text!r} is not METRIC:DELTA", "for example Recall@10:0.02"
        )
    return name, delta


def _regressed(found: Sequence[Any], bound: tuple[str, float] | None) -> bool:
    if bound is None:
        return False
    match = [one for one in found if one.metric == bound[0]]
    if not match:
        raise ConfigError(f"the runs have no metric {bound[0]!r}", ", ".join(one.metric for one in found))
    return bool(match[0].difference < -bound[1])


def _show_changes(first: Run, other: Run, metric: str) -> None:
    from ..evaluation import compare as comparing

    for word, rows in zip(("gained", "lost"), comparing.changes(first, other, metric), strict=True):
        for row in rows:
            moved = f"{metric} {row.first:.2f} → {row.second:.2f}"
            say(f"{other.name} {word} {row.id}: {moved}  {row.modification}")
