"""The commands of `likebut`, gathered; `likebut.pipeline.cli.program` runs them.

Only the module of the command that is called is imported: all others together take longer than an
answer that is known.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer

from likebut import __version__

from .panels import Grouped
from .settings import default_map


class _Command(NamedTuple):
    """A function of a module of this folder, how its help begins, and the constant that is its epilog."""

    module: str
    function: str
    summary: str
    epilog: str = "EPILOG"
    cls: type[Grouped] | None = None


class _Group(NamedTuple):
    """Several commands under one name, gathered in a module of this folder, and what they are."""

    module: str
    summary: str
    app: str = "app"


# By name, in the order of the help.
COMMANDS: dict[str, _Command | _Group] = {
    "query": _Command(
        "query", "query", "Find pictures like REF, but changed as the sentence says.", cls=Grouped
    ),
    "serve": _Command(
        "serve",
        "serve",
        "Search in a browser: pictures, sentences, weights, and all turns of a session.",
        cls=Grouped,
    ),
    "chat": _Command(
        "chat",
        "chat",
        'Find pictures by one sentence after another; what you type is the next "but …".',
        cls=Grouped,
    ),
    "dialogue": _Group("dialogue", "Saved sessions: show one, take its steps again, compare two."),
    "batch": _Command("batch", "batch", "Answer every query of a file or of stdin, in order.", cls=Grouped),
    "eval": _Command(
        "evaluate",
        "evaluate",
        "Run a recipe over a benchmark: streamed, resumable, with intervals beside every number.",
        cls=Grouped,
    ),
    "score": _Command(
        "score",
        "score",
        "Compute the metrics again from runs, or of anybody's submission file where labels are at hand.",
        "SCORE_EPILOG",
    ),
    "compare": _Command(
        "compare",
        "compare",
        "Paired differences with intervals and p-values, the queries that changed, and the cost.",
    ),
    "tune": _Command(
        "tune", "tune", "Search a recipe's weights on one half of a benchmark; report on the other half."
    ),
    "check-submission": _Command(
        "score",
        "check_submission",
        "Say whether the official server will take a file, and what is wrong and where.",
        "CHECK_EPILOG",
    ),
    "index": _Group(
        "index", "Gallery indexes: build, caption, compress, upgrade, light, info, verify, remove, push."
    ),
    "recipes": _Group("listings", "Methods: which stages, prompts, grains and weights.", "recipes"),
    "prompts": _Group("prompts", "Prompt templates: list, show, render, check, edit."),
    "profiles": _Group("listings", "Which models run, and where.", "profiles"),
    "doctor": _Command(
        "doctor",
        "doctor",
        "Check packages, devices, models, folders and settings; exit 4 if something needed is missing.",
    ),
    "settings": _Group(
        "settings_command", "Profile, gallery, recipe and format, typed once: show, set, unset, path."
    ),
    "cache": _Group("cache", "The cache of model answers."),
    "pocket": _Group("pocket", "The drawn world the pocket models know."),
    "demo": _Command(
        "demo", "demo", "Draw a gallery, index it, run a query of each kind, and write demo/index.html."
    ),
}

# First words that are answered without any command.
_ASK_FOR_THE_LIST = ("--help", "-h", "--version")


def _version(asked: bool) -> None:
    if asked:
        print(f"likebut {__version__}")
        raise typer.Exit


def start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Like this picture, [bold]but[/bold] …: find pictures with a picture and a sentence.

    The first thing to try: [cyan]likebut demo[/cyan]. Then, on a folder of your own:
    [cyan]likebut query photo.jpg "at night" --in ~/Pictures --profile cpu[/cyan]
    """


def called(words: Sequence[str]) -> typer.Typer:
    """The program for these words of a command line: the one command that they name, else all.

    Where they ask for nothing but the list of commands, none is more than its name and its summary.
    """
    if words and words[0] in COMMANDS:
        return made(words[0])
    completing = any(name.startswith("_") and name.endswith("_COMPLETE") for name in os.environ)
    if completing or (words and words[0] not in _ASK_FOR_THE_LIST):
        return made(*COMMANDS)
    return _listed()


@cache
def _listed() -> typer.Typer:
    """The program in whose help all commands stand, and that runs none."""
    app = _empty()
    # as typer lists them where it has them all: groups come last
    for name, what in sorted(COMMANDS.items(), key=lambda one: isinstance(one[1], _Group)):
        app.command(name=name, help=what.summary)(_nothing)
    return app


def _nothing() -> None:
    pass


@cache
def made(*names: str) -> typer.Typer:
    """The program with these commands."""
    app = _empty()
    for name in names:
        what = COMMANDS[name]
        module = import_module(f".{what.module}", __package__)
        if isinstance(what, _Group):
            app.add_typer(getattr(module, what.app), name=name)
        else:
            epilog = getattr(module, what.epilog)
            app.command(name=name, cls=what.cls, epilog=epilog)(getattr(module, what.function))
    return app


def _empty() -> typer.Typer:
    """The program without commands."""
    app = typer.Typer(
        name="likebut",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"], "default_map": default_map()},
        epilog="Exit codes: 0 done · 1 bug · 2 usage · 3 input · 4 model missing · 5 partial · 6 budget · "
        "7 busy · 130 Ctrl-C",
    )
    app.callback()(start)
    return app


def __getattr__(name: str) -> Any:
    """``app``: the program with all commands, made when it is asked for."""
    if name == "app":
        return made(*COMMANDS)
    raise AttributeError(name)
