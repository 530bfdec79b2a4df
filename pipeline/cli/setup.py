"""The options that make a `Setup`: one a field, the same in every command that takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from enum import StrEnum
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ..errors import ConfigError
from ..setup.names import Setup
from .options import as_text, read_not, read_weights
from .output import progress, say

if TYPE_CHECKING:
    from ...indexes.build import BuildReport
    from ..asking.budget import Budget
    from ..stages.composer import Composer

SHOWN_FAILURES = 5


class Choose(StrEnum):
    """How one answer is made of several samples; see `likebut.pipeline.stages.choose`."""

    first = "first"
    vote = "vote"
    mean = "mean"
    best = "best"


# Field of `Setup` → what the command line asks for. The parameter is called as the field is.
OPTIONS: dict[str, Any] = {
    "index": Annotated[
        Path | None,
        typer.Option(
            "--index", "-i", help="An index folder, or milvus://HOST/COLLECTION, or FILE.db of Milvus Lite."
        ),
    ],
    "folders": Annotated[
        list[Path] | None,
        typer.Option("--in", help="A folder of pictures (index in .likebut/); repeatable."),
    ],
    "where": Annotated[
        list[str] | None,
        typer.Option(
            "--where", metavar="CONDITION", help="Only pictures with path=GLOB, date>=2024-05, size<2MB."
        ),
    ],
    "without": Annotated[
        list[str] | None,
        typer.Option("--not", metavar="WORDS", help="Search away from these words; repeatable."),
    ],
    "exact": Annotated[
        bool, typer.Option("--exact", help="Look at every row, though the index has a compressed form.")
    ],
    "recipe": Annotated[
        str, typer.Option("--recipe", "-r", help="Method: a name (see `recipes list`) or a .toml file.")
    ],
    "profile": Annotated[
        str, typer.Option("--profile", "-p", help="Models: a name (see `profiles list`) or a .toml file.")
    ],
    "weights": Annotated[
        list[str] | None,
        typer.Option("--weight", "-w", metavar="GRAIN=NUMBER", help="Change one weight; repeatable."),
    ],
    "samples": Annotated[
        int | None,
        typer.Option("--samples", min=1, max=40, help="Ask the reasoner so often for each answer."),
    ],
    "choose": Annotated[
        Choose | None,
        typer.Option("--choose", help="Of several samples: vote, mean of vectors, best by CLIP, first."),
    ],
    "rerank": Annotated[
        str | None,
        typer.Option(
            "--rerank", metavar="JUDGE", help="Who looks at the first hits again: yes, … or none."
        ),
    ],
    "top": Annotated[int | None, typer.Option("--top", min=1, max=1000, help="How many hits are judged.")],
    "device": Annotated[
        str | None, typer.Option("--device", help="cpu, cuda, cuda:1, mps; missing means the profile's.")
    ],
    "offline": Annotated[
        bool, typer.Option("--offline", help="Forbid every download; a missing model is an error.")
    ],
    "cache": Annotated[
        Path | None, typer.Option("--cache", help="Cache file (default: the user's cache folder).")
    ],
    "max_calls": Annotated[
        int | None,
        typer.Option(
            "--max-calls", min=0, help="Stop (exit 6) before more model calls; cached answers are free."
        ),
    ],
    "max_cost": Annotated[
        float | None,
        typer.Option(
            "--max-cost", min=0, metavar="DOLLARS", help="Stop (exit 6) before model calls cost more."
        ),
    ],
    "on": Annotated[
        str | None,
        typer.Option(
            "--on", metavar="RAY", help="Let Ray do what models do: local, or a cluster at ray://HOST:PORT."
        ),
    ],
}
GALLERY = ("index", "folders", "where", "without", "exact")
METHOD = ("recipe", "profile", "weights", "samples", "choose", "rerank", "top")
MODELS = ("device", "offline", "cache")
COST = ("max_calls", "max_cost")
_READ: dict[str, Callable[[Any], Any]] = {
    "weights": read_weights,
    "without": read_not,
    "where": lambda given: tuple(as_text(one, "--where") for one in given or ()),
    "folders": lambda given: tuple(given or ()),
    "choose": lambda given: given.value if given else None,
}

Command = Callable[..., None]


def takes_setup(*names: str, **defaults: str) -> Callable[[Command], Command]:
    """Give a command the options of these fields of `Setup`, where its parameter ``setup`` stands.

    It is called with the `Setup` that they say. ``defaults`` are those that differ from the class.
    """

    def decorate(command: Command) -> Command:
        hints = get_type_hints(command, include_extras=True)
        options = [
            Parameter(
                name, Parameter.KEYWORD_ONLY, default=_default(name, defaults), annotation=OPTIONS[name]
            )
            for name in names
        ]
        taken: list[Parameter] = []
        for parameter in signature(command).parameters.values():
            own = parameter.replace(annotation=hints[parameter.name], kind=Parameter.KEYWORD_ONLY)
            taken += options if parameter.name == "setup" else [own]

        @wraps(command)
        def run(**given: Any) -> None:
            said = {name: given.pop(name) for name in names}
            read = {name: _READ.get(name, lambda same: same)(value) for name, value in said.items()}
            command(**given, setup=Setup(**read))

        run.__annotations__ = {one.name: one.annotation for one in taken}  # read once, not again
        run.__signature__ = signature(command).replace(parameters=taken)  # type: ignore[attr-defined]
        return run

    return decorate


def _default(name: str, defaults: dict[str, str]) -> Any:
    """What the option is where nobody says; nothing, where the field is a collection."""
    (field,) = (field for field in fields(Setup) if field.name == name)
    plain = None if field.default in (MISSING, ()) else field.default
    return defaults.get(name, plain)


def with_gallery(setup: Setup) -> Setup:
    """The setup, with the gallery of the settings where it has none. Raises ConfigError."""
    from .settings import gallery

    if setup.index is None and not setup.folders:
        index, folder = gallery()
        setup = replace(setup, index=index, folders=(folder,) if folder else ())
    if (setup.index is None) == (not setup.folders):
        raise ConfigError(
            "name one gallery",
            "--index DIR for an index, or --in FOLDER for pictures; once for all: "
            "likebut settings set gallery DIR",
        )
    return setup


def open_composer(setup: Setup, budget: Budget | None = None, *, dry: bool = False) -> Composer:
    """As `session.open`, telling on stderr what is indexed. Raises ConfigError for a dry run by Ray."""
    from ..setup.session import open

    if dry and setup.on:
        raise ConfigError(
            "--dry-run and --on do not go together: a dry run asks nobody",
            "leave out --on: calls, tokens and cost are the same, and the time is that of this machine",
        )

    with progress("indexing") as on_progress:
        return open(setup, on_progress, on_build=tell_news, budget=budget, dry=dry)


def tell_news(report: BuildReport, out: Path) -> None:
    """Say what a refresh did, where it did something."""
    changed = report.encoded or report.removed or report.renamed
    if changed or report.failed or (report.news and report.left_out):
        tell_build(report, out)


def tell_build(report: BuildReport, out: Path) -> None:
    """Say what a build did, and name what could not be read."""
    changes = [
        f"{count} {word}"
        for count, word in (
            (report.encoded, "encoded"),
            (report.reused, "unchanged"),
            (report.renamed, "renamed"),
            (report.removed, "removed"),
            (len(report.failed), "unreadable"),
        )
        if count
    ]
    from ...indexes.formats import why_not

    say(f"{out}: {report.items} pictures ({', '.join(changes)}) in {report.seconds:.1f} s")
    if report.read_by and not report.read_by.endswith(" threads"):
        say(f"  read by {report.read_by} (--mapper)")
    if report.regions:
        made = report.regions
        say(f"  regions: {made.each} {made.kind} a picture ({made.encoded} pictures encoded)")
        for name, reason in made.failed[:SHOWN_FAILURES]:
            say(f"  no regions: {name}: {reason}")
    for ending, count in report.left_out:
        say(f"  left out: {count} {ending} ({why_not(ending)})")
    for path, reason in report.failed[:SHOWN_FAILURES]:
        say(f"  unreadable: {path}: {reason}")
    if len(report.failed) > SHOWN_FAILURES:
        say(f"  … and {len(report.failed) - SHOWN_FAILURES} more (`likebut index info` names all)")
