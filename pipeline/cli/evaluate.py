"""`eval`: a recipe on a benchmark, with numbers that can be trusted and run again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import (
    CacheOption,
    DeviceOption,
    OfflineOption,
    ProfileOption,
    WeightOption,
    cache_path,
    read_options,
    read_weights,
)
from pipeline.cli.output import Format, progress, say
from pipeline.cli.query import exit_partial
from pipeline.cli.score import show_summaries

if TYPE_CHECKING:
    from pipeline.benchmarks.records import Benchmark
    from pipeline.composer import Composer

EPILOG = (
    "Examples: [cyan]likebut eval pocket --data bench/pocket --out runs/likebut[/cyan] · "
    "[cyan]likebut eval circo --data CIRCO --split val --profile gpu --out runs/circo[/cyan] · "
    "[cyan]likebut eval fashioniq --data FIQ --split dress -o join=reversed --out runs/dress[/cyan]"
)


def evaluate(
    name: Annotated[
        str,
        typer.Argument(metavar="BENCHMARK", help="cirr, circo, fashioniq, genecis, pocket, jsonl."),
    ],
    data: Annotated[Path, typer.Option("--data", "-d", help="The folder of the official files.")],
    out: Annotated[Path, typer.Option("--out", help="The run folder; the same command continues.")],
    split: Annotated[str, typer.Option("--split", "-s", help="Default: its first split.")] = "",
    recipe: Annotated[
        str, typer.Option("--recipe", "-r", help="A method, or several: a,b,c (one run each).")
    ] = "likebut",
    profile: ProfileOption = "pocket",
    weight: WeightOption = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            metavar="NAME=VALUE",
            help="Of the protocol: join, …",
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option("--index", "-i", help="The gallery's index (default: beside the run)."),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option("--captions", help="Search these captions instead of pictures.")
    ] = None,
    submission: Annotated[
        Path | None, typer.Option("--submission", help="Write the server's files into this folder.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only the first queries.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="So many queries, by lot.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the lot.")] = 0,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Score what is there of an incomplete data set.")
    ] = False,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Ask the queries that failed again.")
    ] = False,
    form: Annotated[
        Format, typer.Option("--format", "-f", help="What stdout gets.")
    ] = Format.table,
    device: DeviceOption = None,
    offline: OfflineOption = False,
    cache: CacheOption = None,
) -> None:
    """Run a recipe over a benchmark: streamed, resumable, with intervals beside every number."""
    from pipeline.benchmarks import evaluate as evaluation
    from pipeline.benchmarks import runs
    from pipeline.benchmarks.sources import Source

    source = Source(name, data, split, captions, read_options(option), allow_missing, index)
    benchmark, texts = source.load()
    cases = evaluation.sample(benchmark.cases, sample, seed, limit)
    settings: dict[str, Any] = {"sample": sample, "seed": seed, "limit": limit}
    names = [part.strip() for part in recipe.split(",") if part.strip()]
    finished, failed = [], 0
    for method in names:
        composer = assemble_for(method, profile, weight, device, offline, cache)
        place = out / method if len(names) > 1 else out
        shared = index or index_folder(place, benchmark, composer)
        job = evaluation.Evaluation(benchmark, cases, composer, place, shared, texts)
        announce(benchmark, len(cases), composer)
        with progress("indexing") as on_index, progress(f"{method}: queries") as on_progress:
            report = job.run(
                settings, retry_errors=retry_errors, on_index=on_index, on_progress=on_progress,
                source=source,
            )  # fmt: skip
        run = runs.open_run(place)
        _tell(report, place)
        failed += len(report.failed_pictures) + sum(bool(result.error) for result in run.results)
        if submission:
            write_submission(benchmark, run, submission / method if len(names) > 1 else submission)
        finished.append(run)
    show_summaries(finished, form)
    exit_partial(failed)


def load_benchmark(
    name: str,
    data: Path,
    split: str,
    allow_missing: bool,
    options: dict[str, Any],
    captions: Path | None,
) -> tuple[Benchmark, dict[str, tuple[str, ...]] | None]:
    """The benchmark, and the captions that stand for its pictures where they are given."""
    from pipeline.benchmarks.sources import Source

    return Source(name, data, split, captions, options, allow_missing).load()


def assemble_for(
    recipe: str,
    profile: str,
    weight: list[str] | None,
    device: str | None,
    offline: bool,
    cache: Path | None,
) -> Composer:
    """A composer without an index, from the options of a command."""
    from pipeline.assembly import assemble

    return assemble(
        recipe, profile, cache_path(cache), weights=read_weights(weight), device=device,
        offline=offline,
    )  # fmt: skip


def _tell(report: Any, place: Path) -> None:
    for path, reason in report.failed_pictures:
        say(f"unreadable: {path}: {reason}")
    say(f"{place}: {report.answered} answered, {report.skipped} already there")


def index_folder(place: Path, benchmark: Benchmark, composer: Composer) -> Path:
    """Beside the run, so that the runs of one folder share it."""
    from pipeline.benchmarks.sources import index_beside

    return index_beside(place, benchmark, composer.encoder.fingerprint)


def announce(benchmark: Benchmark, asked: int, composer: Composer) -> None:
    """Say the protocol, the recipe and what is missing, on stderr."""
    rules = benchmark.protocol
    reference = "left out of" if rules.exclude_reference else "kept in"
    say(
        f"{rules.title}: {asked:,} of {len(benchmark.cases):,} queries, {len(benchmark.items):,} pictures; "
        f"the reference is {reference} the ranking; correct: {rules.correct}"
    )
    say(
        f"recipe {composer.recipe.name}, profile {composer.profile}, encoder {composer.encoder.name}"
    )
    if benchmark.missing:
        say(
            f"warning: {len(benchmark.missing):,} pictures are missing and {len(benchmark.dropped):,} "
            "queries cannot be asked; the scores say their n"
        )


def write_submission(benchmark: Benchmark, run: Any, folder: Path) -> None:
    """Write the server's files and say where. Raises what `submissions.write` raises."""
    from pipeline.benchmarks import submissions

    rankings, subsets = (
        {result.case.id: [ident for ident, _ in getattr(result, part)] for result in run.results}
        for part in ("ranking", "subset")
    )
    for path in submissions.write(benchmark, rankings, subsets, folder):
        say(f"submission: {path}")
