"""`batch`: many queries, one JSON line each: into a file that can be continued, or as a stream."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...indexes.videos import file_of
from ..errors import ConfigError
from ..hits.picking import Picking
from ..machine.outputs import check_file
from ..machine.spelling import as_typed
from ..setup.names import Setup
from .dry_run import show_estimates
from .money import telling
from .options import DryRunOption, FoldOption, MinScoreOption, SkipOption
from .output import Format, one_line, progress, say
from .query import exit_partial, tell_below
from .setup import COST, GALLERY, METHOD, MODELS, open_composer, takes_setup, with_gallery
from .show import Folders

if TYPE_CHECKING:
    from ..records.trace import Trace
    from ..stages.composer import Composer

EPILOG = (
    "Examples: [cyan]likebut batch asked.jsonl --in ~/Pictures --profile cpu --out answers.jsonl[/cyan] · "
    "[cyan]likebut batch gallery/queries.jsonl --in gallery --out results.jsonl[/cyan] · "
    "[cyan]my-program | likebut batch - --in gallery --format paths[/cyan]"
)
STDIN = "standard input"


class StreamFormat(StrEnum):
    """What a line of the stream is: the whole trace, or the paths of the hits with tabs between."""

    jsonl = "jsonl"
    paths = "paths"


@takes_setup(*GALLERY, *METHOD, *MODELS, "on", *COST)
def batch(
    queries: Annotated[
        str,
        typer.Argument(
            metavar="QUERIES", help="JSON lines (id, reference, modification): a file, or - for stdin."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Results, one trace a line; without it, to stdout.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many hits a query.")] = 10,
    skip: SkipOption = 0,
    min_score: MinScoreOption = None,
    fold: FoldOption = None,
    form: Annotated[
        StreamFormat | None,
        typer.Option("--format", "-f", help="What a line on stdout is (default: jsonl)."),
    ] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="With --out: ask the queries that failed again.")
    ] = False,
    *,
    setup: Setup,
    dry_run: DryRunOption = False,
) -> None:
    """Answer every query of a file or of stdin, in order.

    With --out a second run continues where the first one stopped. Without it every answer is
    printed as soon as it is there; a bad line of stdin is answered with an error, and the rest
    goes on. Limits count what --out has spent in all sessions (OUT.spending.jsonl), else this one.
    """
    from ..asking.ledger import beside

    picking = Picking(k, skip, min_score, fold)
    if out and form is StreamFormat.paths:
        raise ConfigError(f"--format {form} is for stdout", "leave out --out, or --format")
    if out and not dry_run:
        check_file(out, "--out")
    budget = setup.budget(beside(out) if out else None)
    composer = open_composer(with_gallery(setup), budget, dry=dry_run)
    if dry_run:
        _estimate(queries, out, composer, retry_errors, form)
        return
    with telling(budget):
        if out:
            failed = _into(out, queries, composer, picking, retry_errors)
        else:
            found = _answers(queries, composer, picking.depth)
            failed = sum(_print(_picked(trace, picking, composer), form, setup.pictures) for trace in found)
    exit_partial(failed)


def _estimate(
    queries: str, out: Path | None, composer: Composer, retry: bool, form: StreamFormat | None
) -> None:
    from ..batch.estimate import estimate
    from ..batch.run import unanswered
    from ..records.queries import parse_queries

    asked = parse_queries(sys.stdin.buffer, Path(), STDIN) if queries == "-" else Path(queries)
    waiting = unanswered(asked, out, retry_errors=retry)
    with progress("estimating") as on_progress:
        found = estimate(composer, waiting, on_progress=on_progress)
    show_estimates({composer.recipe.name: found}, Format(form) if form else Format.table)


def _picked(trace: Trace, picking: Picking, composer: Composer) -> Trace:
    """The hits that are shown; how many are not goes to stderr."""
    trace = picking.folded(trace, composer.gallery)
    tell_below(picking.below(trace), picking, f"query {trace.query.id}: ")
    return picking.pick(trace)


def _into(out: Path, queries: str, composer: Composer, picking: Picking, retry_errors: bool) -> int:
    from ..batch.run import run_batch
    from ..records.queries import parse_queries

    asked = parse_queries(sys.stdin.buffer, Path(), STDIN) if queries == "-" else Path(queries)
    with progress("queries") as on_progress:
        report = run_batch(
            asked,
            out,
            composer,
            k=picking.depth,
            retry_errors=retry_errors,
            on_progress=on_progress,
            pick=lambda trace: _picked(trace, picking, composer),
        )
    say(f"{out}: {report.done} answered, {report.skipped} already there, {report.failed} failed")
    return report.failed


def _answers(queries: str, composer: Composer, k: int) -> Iterable[Trace]:
    """As they are answered. A file is read, and refused for a bad line, before the first one."""
    from ..batch.run import answers
    from ..batch.stream import stream
    from ..records.queries import read_queries

    if queries == "-":
        return stream(sys.stdin.buffer, Path(), STDIN, composer, k=k)
    return answers(read_queries(Path(queries)), composer, k=k)


def _print(trace: Trace, form: StreamFormat | None, folders: Folders) -> bool:
    """One line on stdout, at once; whether the query failed, which stderr says too."""
    from ..records.traces import trace_to_json

    if form is StreamFormat.paths:
        line = "\t".join(one_line(as_typed(file_of(hit.path), folders)) for hit in trace.ranking.hits)
    else:
        line = json.dumps(trace_to_json(trace))
    print(line, flush=True)
    if trace.error:
        asked = f"query {trace.query.id}: " if trace.recipe else ""  # a bad line names itself
        say(asked + trace.error)
    return bool(trace.error)
