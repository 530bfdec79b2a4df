"""The commands of `likebut`, gathered; `likebut.pipeline.cli.program` runs them.

Only the module of the command that is called is imported: all others together take longer than an
answer that is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer

from likebut import __version__

from .panels import Grouped
from .settings import default_map


class _Command(NamedTuple):
    """A function of a module of this folder, and the constant that is its epilog."""

    module: str
    function: str
    epilog: str = "EPILOG"
    cls: type[Grouped] | None = None


class _Group(NamedTuple):
    """Several commands under one name, gathered in a module of this folder."""

    module: str
    app: str = "app"


# By name, in the order of the help.
COMMANDS: dict[str, _Command | _Group] = {
    "query": _Command("query", "query", cls=Grouped),
    "serve": _Command("serve", "serve", cls=Grouped),
    "chat": _Command("chat", "chat", cls=Grouped),
    "dialogue": _Group("dialogue"),
    "batch": _Command("batch", "batch", cls=Grouped),
    "eval": _Command("evaluate", "evaluate", cls=Grouped),
    "score": _Command("score", "score", "SCORE_EPILOG"),
    "compare": _Command("compare", "compare"),
    "tune": _Command("tune", "tune"),
    "check-submission": _Command("score", "check_submission", "CHECK_EPILOG"),
    "index": _Group("index"),
    "recipes": _Group("listings", "recipes"),
    "prompts": _Group("prompts"),
    "profiles": _Group("listings", "profiles"),
    "doctor": _Command("doctor", "doctor"),
    "settings": _Group("settings_command"),
    "cache": _Group("cache"),
    "pocket": _Group("pocket"),
    "demo": _Command("demo", "demo"),
}


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
    """The program for these words of a command line: the one command that they name, else all."""
    return made(words[0]) if words and words[0] in COMMANDS else made(*COMMANDS)


@cache
def made(*names: str) -> typer.Typer:
    """The program with these commands."""
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
    for name in names:
        what = COMMANDS[name]
        module = import_module(f".{what.module}", __package__)
        if isinstance(what, _Group):
            app.add_typer(getattr(module, what.app), name=name)
        else:
            epilog = getattr(module, what.epilog)
            app.command(name=name, cls=what.cls, epilog=epilog)(getattr(module, what.function))
    return app


def __getattr__(name: str) -> Any:
    """``app``: the program with all commands, made when it is asked for."""
    if name == "app":
        return made(*COMMANDS)
    raise AttributeError(name)
