"""Dry runs: what a command would ask, cost and take, before its first call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .money import dollars
from .output import Format, progress, say, write_rows

if TYPE_CHECKING:
    from ..batch.estimate import Estimate, Row
    from ..benchmarks.records import Benchmark, Case
    from ..stages.composer import Composer


@contextmanager
def data_folder(name: str, data: Path, dry: bool) -> Iterator[Path]:
    """The data folder; a dry run draws the drawn benchmark somewhere else, where it is not there."""
    from tempfile import TemporaryDirectory

    from ..benchmarks import options_of

    if not dry or "draw" not in options_of(name) or (data / "queries.jsonl").exists():
        yield data
        return
    with TemporaryDirectory() as scratch:
        yield Path(scratch)


def estimate_runs(
    benchmark: Benchmark,
    cases: Sequence[Case],
    composers: Mapping[str, Composer],
    places: Mapping[str, Path],
    captions: Mapping[str, tuple[str, ...]] | None,
    retry_errors: bool,
) -> dict[str, Estimate]:
    """What each recipe would take on a benchmark, after what those before it have asked."""
    from ..asking.dry import AskedBefore
    from ..evaluation.planning import estimate_run

    asked, found = AskedBefore(), {}
    for method, composer in composers.items():
        with progress(f"{method}: estimating") as on_progress:
            found[method] = estimate_run(
                benchmark,
                cases,
                composer,
                places[method],
                captions=captions,
                retry_errors=retry_errors,
                asked=asked,
                on_progress=on_progress,
            )
    return found


def show_estimates(estimates: Mapping[str, Estimate], form: Format) -> None:
    """The rows of estimates on stdout, by what they are named, and one line that sums them up."""
    named = [(name, row) for name, one in estimates.items() for row in one.rows]
    for one in estimates.values():
        for ident, why in one.failing:
            say(f"cannot be asked: {ident}: {why}")
    several = len(estimates) > 1
    if form in (Format.table, Format.paths):
        shown = [({"recipe": name} if several else {}) | _cells(row) for name, row in named]
        if shown:
            write_rows(shown, Format.table)
    else:
        write_rows([({"recipe": name} if several else {}) | _record(row) for name, row in named], form)
    say(_sum([row for _, row in named]))


def _cells(row: Row) -> dict[str, Any]:
    return {
        "stage": row.stage,
        "model": row.model,
        "queries": row.queries,
        "calls": row.calls,
        "cached": row.cached,
        "to make": row.to_make,
        "prompt tokens": row.prompt_tokens,
        "reply tokens": row.reply_tokens,
        "cost": dollars(row.cost),
        "at most": dollars(row.most_cost),
        "time": duration(row.seconds),
    }


def _record(row: Row) -> dict[str, Any]:
    return {**asdict(row), "to_make": row.to_make}


def _sum(rows: Sequence[Row]) -> str:
    calls, cached = sum(row.calls for row in rows), sum(row.cached for row in rows)
    tokens = sum(row.prompt_tokens for row in rows), sum(row.reply_tokens for row in rows)
    cost, most = (_known([getattr(row, name) for row in rows]) for name in ("cost", "most_cost"))
    seconds = _known([row.seconds for row in rows])
    words = [f"dry run: {calls:,} calls, {cached:,} of them in the cache"]
    if calls > cached:
        words.append(f"about {tokens[0]:,} prompt + {tokens[1]:,} reply tokens")
        price = f"about {dollars(cost)}, at most {dollars(most)}"
        words.append(price if cost is not None else "no price in the profile")
        words.append(f"about {duration(seconds)}" if seconds is not None else "time not known")
    if looks := list(dict.fromkeys(row.stage for row in rows if row.bounded)):
        words.append(f"{' and '.join(looks)}: at most, for hits that are not known yet")
    return "; ".join(words)


def _known(values: Sequence[float | None]) -> float | None:
    """Their sum, or None where one is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def duration(seconds: float | None) -> str:
    """ "0.4 s", "12 min", "3.5 h"; a dash for what is not known."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
