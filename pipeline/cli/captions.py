"""Captions of an index, as the commands of `index` take them: from a file, or by the captioner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...indexes.errors import Problem
from ..errors import EXIT_PARTIAL, ConfigError
from ..setup.names import Setup
from .money import telling
from .output import progress, say
from .push import local
from .setup import COST, MODELS, open_composer, takes_setup

if TYPE_CHECKING:
    from ..asking.encoder import CachedEncoder

CAPTION_EPILOG = (
    "Examples: [cyan]likebut index caption pictures.index --captions 3[/cyan] · the same command "
    "continues what was interrupted"
)
SHOWN = 5
Given = dict[str, tuple[str, ...]]


@takes_setup("profile", *MODELS, "on", *COST)
def caption(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An index folder.")],
    captions: Annotated[
        int, typer.Option("--captions", min=1, max=15, help="How many captions a picture.")
    ] = 1,
    prompt: Annotated[
        str, typer.Option("--prompt", help="How to ask: a name (see `prompts list`) or a file.")
    ] = "describe/dense",
    anew: Annotated[bool, typer.Option("--anew", help="Replace captions that are there already.")] = False,
    *,
    setup: Setup,
) -> None:
    """Let the captioner describe the pictures that have no captions; answers are kept as they come.

    Limits count what this index has spent in all sessions (DIR.spending.jsonl).
    """
    from ..asking.ledger import beside
    from ..batch.captioning import caption_index, captioner_of

    budget = setup.budget(beside(local(folder)))
    composer = open_composer(replace(setup, recipe="weimocir"), budget)
    captioner = captioner_of(composer, prompt=prompt, captions=captions)
    with telling(budget), progress("captioning") as on_progress:
        report = caption_index(folder, captioner, anew=anew, on_progress=on_progress)
    kept = report.items - report.asked
    asked = f"{report.asked - len(report.failed)} described"
    say(f"{folder}: {_of(report.captioned, report.items)} ({asked}, {kept} kept)")
    _name("no caption", report.failed)
    if report.failed:
        raise typer.Exit(EXIT_PARTIAL)


def read_given(captions: Path | None, images: Sequence[str] | None) -> Given:
    """The captions of a file, read before any work. Raises ConfigError with nothing to index."""
    if captions is None:
        if not images:
            raise ConfigError("nothing to index", "name IMAGES, --captions FILE, or both")
        return {}
    from ..benchmarks.captions import read_captions

    return read_captions(captions)


def build_texts(given: Given, out: Path, encoder: CachedEncoder, dtype: str) -> None:
    """Make an index of captions alone."""
    from ...indexes.captions import build_captions, captions_of

    with progress("indexing") as on_progress:
        index = build_captions(captions_of(given), out, encoder, dtype=dtype, on_progress=on_progress)
    say(f"{out}: {_of(index.count, index.count)}, no pictures")


def add_captions(given: Given, file: Path, out: Path, encoder: CachedEncoder) -> None:
    """Give the items of the index in ``out`` the captions that name them; say which name none."""
    from ...indexes.captions import match
    from ...indexes.sides import write_side
    from ...indexes.store import Index
    from ..batch.captioning import FILE

    found, unmatched = match(Index.open(out).all_items(), given)
    _name("captions of no item", unmatched)
    with progress("captions") as on_progress:
        report = write_side(out, found, encoder, source=f"{FILE}{file.name}", on_progress=on_progress)
    say(f"{out}: {_of(report.captioned, report.items)}, {len(unmatched)} entries of {file.name} fit none")


def _of(captioned: int, items: int) -> str:
    rest = f", {items - captioned} without" if captioned < items else ""
    return f"{captioned} of {items} items have captions{rest}"


def _name(what: str, problems: Sequence[Problem]) -> None:
    for name, reason in problems[:SHOWN]:
        say(f"  {what}: {name}: {reason}")
    if len(problems) > SHOWN:
        say(f"  … and {len(problems) - SHOWN} more")
