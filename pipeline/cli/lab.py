"""`prompts compare`: the same queries through several prompts and models, and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...indexes.errors import Problem
from ..errors import ConfigError
from ..setup.names import Setup
from . import lab_tables
from .options import FormatOption
from .output import Format, progress, say
from .query import exit_partial
from .settings import profile_or
from .setup import MODELS, open_composer, takes_setup, with_gallery

if TYPE_CHECKING:
    from ..evaluation.opened import Opened
    from ..lab.queries import FileQueries, RunQueries
    from ..lab.trial import Trial
    from ..lab.variants import LabVariant
    from ..stages.composer import Composer

EPILOG = (
    "Examples: [cyan]likebut prompts compare likebut cirevl mine.j2 --on runs/likebut --sample 200 "
    "--out lab[/cyan] · [cyan]likebut prompts compare likebut cirevl --on gallery/queries.jsonl "
    "--in gallery --out lab[/cyan] · two models: [cyan]--profile small.toml --profile large.toml[/cyan]"
)


@takes_setup("index", "folders", "recipe", "weights", "samples", "choose", "rerank", "top", *MODELS)
def compare(
    prompts: Annotated[
        list[str],
        typer.Argument(
            metavar="A B...", help="Prompts of prompts/reason, or .j2 files; A is the baseline."
        ),
    ],
    on: Annotated[
        Path, typer.Option("--on", help="A run folder of `eval`, or a file of queries (JSON lines).")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Figures, traces and the page go to this folder.")
    ],
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="So many queries, by lot.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the lot.")] = 0,
    *,
    setup: Setup,
    stage: Annotated[
        int, typer.Option("--stage", min=1, help="Which reason question gets the prompts.")
    ] = 1,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            "-p",
            help="Models; repeated: every prompt with each. Default: the run's, or yours.",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", "-m", help="What is tested; repeatable, the first decides wins and losses."
        ),
    ] = None,
    changes: Annotated[
        int, typer.Option("--changes", min=0, help="How many wins and losses are listed.")
    ] = 5,
    data: Annotated[
        Path | None, typer.Option("--data", "-d", help="The run's data, where they have moved.")
    ] = None,
    captions: Annotated[
        Path | None, typer.Option("--captions", help="The run's captions, where they have moved.")
    ] = None,
    form: FormatOption = Format.table,
) -> None:
    """Try prompts side by side: what got better or worse, whether it is real, and what it cost.

    Every answer is cached, so a second comparison asks only what is new in it.
    """
    from ..config.files import load_profile, load_recipe
    from ..lab import comparison as comparing
    from ..lab import folder as folders
    from ..lab.variants import variants

    folders.check_free(out)
    names = profile or [_profile_of(on)]
    # One method for all that is compared: the first profile says which numbers are usual.
    method = load_recipe(setup.recipe, load_profile(names[0]).variant)
    method = method.with_weights(dict(setup.weights)).with_samples(setup.samples, setup.choose)
    method = method.with_rerank(setup.rerank, setup.top)
    found = variants(method, prompts, names, stage)
    queries = _queries(on, setup, data, captions)
    setup = setup if on.is_dir() else with_gallery(setup)
    trials: list[Trial] = []
    tested: tuple[str, ...] = ()
    failed = 0
    for name in names:
        composer = open_composer(replace(setup, profile=name))
        job, unreadable = _open(queries, composer, sample, seed)
        failed += len(unreadable)
        for path, reason in unreadable:
            say(f"unreadable: {path}: {reason}")
        if not trials:
            labelled = any(case.targets for case in job.cases)
            tested = comparing.to_test(job.benchmark.protocol, labelled, metric or ())
            _announce(job, found, tested, labelled)
        trials += _trials(job, [one for one in found if one.profile == name])
    asked: dict[str, Any] = {"on": str(on), "protocol": trials[0].run.protocol.title, "recipe": method.name}
    asked |= {"stage": stage, "sample": sample, "seed": seed, "queries": len(trials[0].traces)}
    asked |= {"rerank": [one.model_dump(mode="json") for one in method.rerank]} if method.rerank else {}
    done = comparing.compare(trials, tested, asked)
    folders.write(done, out)
    lab_tables.show(done, form, changes, out)
    say(f"page: {out / folders.PAGE}")
    exit_partial(failed + sum(trial.replies.errors for trial in trials))


def _profile_of(on: Path) -> str:
    """The profile of a run, where it is one of ours; else that of the settings."""
    from ..config.files import profile_names
    from ..evaluation.runs import CONFIG, read_config

    if not (on / CONFIG).exists():
        return profile_or("")
    name = str(read_config(on)["profile"])
    if name not in profile_names():
        raise ConfigError(f"{on} was made with a profile of its own, {name}", "name it with --profile FILE")
    return name


def _queries(on: Path, setup: Setup, data: Path | None, captions: Path | None) -> RunQueries | FileQueries:
    """What is asked. Raises ConfigError where it does not go with the options."""
    from ..evaluation.sources import of_run
    from ..lab.queries import FileQueries, RunQueries

    if on.is_dir():
        if setup.index or setup.folders:
            raise ConfigError(f"{on} is a run, which has its gallery", "leave out --in and --index")
        return RunQueries.of(on, of_run(on, data, captions))
    if data or captions:
        raise ConfigError("--data and --captions are for the run of --on", "name its folder")
    return FileQueries(on)


def _open(
    queries: RunQueries | FileQueries, composer: Composer, sample: int | None, seed: int
) -> tuple[Opened, tuple[Problem, ...]]:
    """The queries over an index for this composer's encoder."""
    from ..lab.queries import RunQueries

    if isinstance(queries, RunQueries):
        with progress("indexing") as on_index:
            return queries.open(composer, sample, seed, on_index)
    return queries.open(composer, sample, seed), ()


def _announce(job: Opened, found: Sequence[LabVariant], tested: tuple[str, ...], labelled: bool) -> None:
    rules = job.benchmark.protocol
    say(
        f"{rules.title}: {len(job.cases):,} queries, {len(job.benchmark.items):,} items, "
        f"{len(found)} variants; baseline {found[0].name}"
    )
    what = ", ".join(tested)
    say(f"tested: {what}" + ("" if labelled else " (no labels: cosines stand in for metrics)"))


def _trials(job: Opened, found: Sequence[LabVariant]) -> list[Trial]:
    from ..lab.trial import attempt

    trials: list[Any] = []
    for variant in found:
        with progress(variant.name) as on_progress:
            trials.append(attempt(job, variant, on_progress))
        replies = trials[-1].replies
        say(f"{variant.name}: {replies.made:,} calls made, {replies.cached:,} from the cache")
    return trials
