"""`batch`: many queries from a file, one JSON line each, safe to kill and run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import (
    CacheOption,
    DeviceOption,
    OfflineOption,
    ProfileOption,
    RecipeOption,
    WeightOption,
    cache_path,
    read_weights,
)
from pipeline.cli.output import progress, say
from pipeline.cli.query import exit_partial, open_composer

EPILOG = (
    "Example: [cyan]likebut batch gallery/queries.jsonl --in gallery --out results.jsonl[/cyan]"
)


def batch(
    queries: Annotated[
        Path, typer.Argument(metavar="QUERIES", help="JSON lines: id, reference, modification.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Results: one trace a line.")],
    index: Annotated[Path | None, typer.Option("--index", "-i", help="An index folder.")] = None,
    folder: Annotated[Path | None, typer.Option("--in", help="A folder of pictures.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many hits a query.")] = 10,
    recipe: RecipeOption = "likebut",
    profile: ProfileOption = "pocket",
    weight: WeightOption = None,
    device: DeviceOption = None,
    offline: OfflineOption = False,
    cache: CacheOption = None,
) -> None:
    """Answer every query of a file; a second run continues where the first one stopped."""
    from pipeline.batch import run_batch

    composer = open_composer(
        index, folder, recipe=recipe, profile=profile, weights=read_weights(weight),
        cache=cache_path(cache), device=device, offline=offline,
    )  # fmt: skip
    with progress("queries") as on_progress:
        report = run_batch(queries, out, composer, k=k, on_progress=on_progress)
    say(f"{out}: {report.done} answered, {report.skipped} already there, {report.failed} failed")
    exit_partial(report.failed)
