"""`eval`: a recipe on a benchmark, with numbers that can be trusted and run again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..benchmarks import BENCHMARKS
from ..errors import ConfigError
from ..machine.outputs import check_folder
from ..setup.names import Setup
from .dry_run import data_folder, estimate_runs, show_estimates
from .money import telling
from .options import (
    AllowMissingOption,
    CaptionsOption,
    DryRunOption,
    FormatOption,
    ProtocolOption,
    read_options,
)
from .output import Format, progress, say
from .query import exit_partial
from .score import show_summaries
from .setup import COST, MODELS, open_composer, takes_setup

if TYPE_CHECKING:
    from ..asking.budget import Budget
    from ..benchmarks.records import Benchmark
    from ..evaluation.evaluate import Evaluation, Report
    from ..evaluation.sources import Source
    from ..stages.composer import Composer

EPILOG = (
    "Examples: [cyan]likebut eval pocket --data bench --draw --out runs/likebut[/cyan] · "
    "[cyan]likebut eval circo --data CIRCO --split val --profile gpu --out runs/circo[/cyan] · "
    "[cyan]likebut eval fashioniq --data FIQ --split dress -o join=reversed --out runs/dress[/cyan]"
)


@takes_setup("exact", "profile", "weights", "samples", "choose", "rerank", "top", *MODELS, "on", *COST)
def evaluate(
    name: Annotated[str, typer.Argument(metavar="BENCHMARK", help=f"{', '.join(BENCHMARKS)}.")],
    data: Annotated[Path, typer.Option("--data", "-d", help="The folder of the official files.")],
    out: Annotated[Path, typer.Option("--out", help="The run folder; the same command continues.")],
    split: Annotated[str, typer.Option("--split", "-s", help="Default: its first split.")] = "",
    recipe: Annotated[
        str, typer.Option("--recipe", "-r", help="A method, or several: a,b,c (one run each).")
    ] = "likebut",
    *,
    setup: Setup,
    option: ProtocolOption = None,
    index: Annotated[
        Path | None, typer.Option("--index", "-i", help="The gallery's index (default: beside the run).")
    ] = None,
    captions: CaptionsOption = None,
    submission: Annotated[
        Path | None, typer.Option("--submission", help="Write the server's files into this folder.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first queries.")] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="So many queries (or dialogues), by lot.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the lot.")] = 0,
    allow_missing: AllowMissingOption = False,
    draw: Annotated[
        bool, typer.Option("--draw", help="Of pocket: draw it into --data where it is not there.")
    ] = False,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Ask the queries that failed again.")
    ] = False,
    form: FormatOption = Format.table,
    dry_run: DryRunOption = False,
) -> None:
    """Run a recipe over a benchmark: streamed, resumable, with intervals beside every number.

    Limits count what the runs have spent in all sessions (spending.jsonl in their folders).
    """
    from ..evaluation import evaluate as evaluation
    from ..evaluation import runs
    from ..evaluation.sources import Source, index_beside
    from ..setup.assembly import elsewhere

    names = [part.strip() for part in recipe.split(",") if part.strip()]
    places = _places(out, names)
    if not dry_run:
        _check_places(places, name, _places(submission, names) if submission else {})
    budgets = setup.budgets({method: place / runs.SPENDING for method, place in places.items()})
    setups = {method: replace(setup, recipe=method) for method in names}
    options = read_options(option) | ({"draw": True} if draw else {})
    with data_folder(name, data, dry_run and bool(options)) as folder:
        source = Source(name, folder, split, captions, options, allow_missing, index)
        benchmark, texts = source.load()
        cases = evaluation.sample(benchmark.cases, sample, seed, limit)
        if dry_run:
            dry = {m: open_composer(setups[m], budgets[m], dry=True) for m in names}
            show_estimates(estimate_runs(benchmark, cases, dry, places, texts, retry_errors), form)
            return
    settings: dict[str, Any] = {"sample": sample, "seed": seed, "limit": limit}
    finished, failed = [], 0

    def answer(method: str) -> Report:
        """In a function: what the composer of one method has loaded is gone before the next one begins."""
        composer, place = open_composer(setups[method], budgets[method]), places[method]
        shared = index or index_beside(place, benchmark, composer.encoder.fingerprint)
        job = evaluation.Evaluation(benchmark, cases, composer, place, shared, texts, elsewhere(setup))
        return _run(job, budgets[method], settings, method, retry_errors, source)

    for method in names:
        report, place = answer(method), places[method]
        run = runs.open_run(place)
        _tell(report, place)
        failed += len(report.failed_pictures) + sum(bool(result.error) for result in run.results)
        if submission:
            write_submission(benchmark, run, _places(submission, names)[method])
        finished.append(run)
    show_summaries(finished, form)
    exit_partial(failed)


def _check_places(runs: dict[str, Path], name: str, sent: dict[str, Path]) -> None:
    """Raises ConfigError where a run or a submission cannot be written, before any work."""
    from ..benchmarks import submissions

    for place in runs.values():
        check_folder(place, "--out")
    for place in sent.values():
        check_folder(place, "--submission")
        submissions.check_free(name, place)


def _places(folder: Path, recipes: list[str]) -> dict[str, Path]:
    """A folder a recipe: the given one, or one within it that is called as the recipe is."""
    if len(recipes) == 1:
        return {recipes[0]: folder}
    places = {recipe: folder / Path(recipe).name.replace(".toml", "") for recipe in recipes}
    if len(set(places.values())) < len(recipes):
        raise ConfigError("two recipes have one name", "give each an eval command of its own")
    return places


def _run(
    job: Evaluation,
    budget: Budget,
    settings: dict[str, Any],
    method: str,
    retry_errors: bool,
    source: Source,
) -> Report:
    announce(job.benchmark, len(job.cases), job.composer)
    title = f"{method}: queries"
    with telling(budget), progress("indexing") as on_index, progress(title) as on_progress:
        return job.run(
            settings, retry_errors=retry_errors, on_index=on_index, on_progress=on_progress, source=source
        )


def _tell(report: Report, place: Path) -> None:
    for path, reason in report.failed_pictures:
        say(f"unreadable: {path}: {reason}")
    say(f"{place}: {report.answered} answered, {report.skipped} already there")


def announce(benchmark: Benchmark, asked: int, composer: Composer) -> None:
    """Say the protocol, the recipe and what is missing, on stderr."""
    rules = benchmark.protocol
    reference = "left out of" if rules.exclude_reference else "kept in"
    say(
        f"{rules.title}: {asked:,} of {len(benchmark.cases):,} queries, {len(benchmark.items):,} pictures; "
        f"the reference is {reference} the ranking; correct: {rules.correct}"
    )
    light = composer.encoder.light
    by = f"{composer.encoder.name}, texts {light.words}" if light else composer.encoder.name
    say(f"recipe {composer.recipe.name}, profile {composer.profile}, encoder {by}")
    if benchmark.missing:
        say(
            f"warning: {len(benchmark.missing):,} pictures are missing and {len(benchmark.dropped):,} "
            "queries cannot be asked; the scores say their n"
        )


def write_submission(benchmark: Benchmark, run: Any, folder: Path) -> None:
    """Write the server's files and say where. Raises what `submissions.write` raises."""
    from ..benchmarks import submissions

    rankings, subsets = (
        {result.case.id: [ident for ident, _ in getattr(result, part)] for result in run.results}
        for part in ("ranking", "subset")
    )
    for path in submissions.write(benchmark, rankings, subsets, folder):
        say(f"submission: {path}")
