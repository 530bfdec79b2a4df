"""`cache import`: an exported file, or what others published, taken over as answers."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...indexes.errors import Problem
from ..errors import EXIT_PARTIAL, ConfigError
from ..setup.names import Setup
from .output import say
from .published import Published, tell_refused
from .setup import open_composer, takes_setup

if TYPE_CHECKING:
    from ..asking.cache import Cache


@takes_setup("recipe", "profile", "cache", recipe="cirevl")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An exported file; - is stdin.")],
    what: Annotated[
        Published | None,
        typer.Option("--as", help="Not an export, but texts that others published: JSON by name."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--in", help="With --as captions: the folder of the pictures.")
    ] = None,
    queries: Annotated[
        Path | None, typer.Option("--queries", help="With --as rewrites: JSON lines, as of batch.")
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", help="With --as: whose items or queries are named.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Where the benchmark lies.")] = None,
    split: Annotated[str, typer.Option("--split", help="Of the benchmark; missing: its first.")] = "",
    *,
    setup: Setup,
    keep_good: Annotated[
        bool, typer.Option("--keep-good", help="Of a damaged file, take the lines that are whole.")
    ] = False,
) -> None:
    """Take over the answers of an exported file: all of them, or none if any line is damaged.

    Every key is computed again from its question, so an answer cannot come under another question;
    a checksum finds damage. Neither can show that the model really gave the reply: import files
    of people you trust. No code is run. What is here already stays.

    With --as, published captions or rewrites become the answers to the questions that the recipe asks
    the profile's models: an evaluation then finds them and loads no language model. Captions come first:
    a question about a rewrite holds the caption.
    """
    if what is not None:
        from ..benchmarks import load
        from .published import import_published

        if (benchmark is None) != (data is None):
            raise ConfigError("--benchmark and --data go together", "name both")
        loaded = partial(load, benchmark, data, split, allow_missing=True) if benchmark and data else None
        composer = open_composer(setup)
        others = import_published(file, what, composer, folder=folder, queries=queries, benchmark=loaded)
        if others:
            raise typer.Exit(EXIT_PARTIAL)
        return
    from ..asking.cache import Cache
    from ..asking.sharing.transfer import import_answers

    with Cache(setup.answers) as store:
        done = import_answers(store, file, keep_good=keep_good)
        away = _away(store)
    say(f"{done.new} new answers, {done.known} were here already")
    if done.conflicts:
        say(f"{done.conflicts} were here with other words; ours stayed")
    for model, commit in away:
        say(
            f"{model} is not on this machine: its answers are used without it where the profile says "
            f'revision = "{commit}"'
        )
    tell_refused([Problem(f"line {number}", why) for number, why in done.refused], " lines")
    if done.refused:
        raise typer.Exit(EXIT_PARTIAL)


def _away(cache: Cache) -> list[tuple[str, str]]:
    """(model, commit) of the answers of hub models that this machine does not have.

    Without the model nothing here says which commit its name means.
    """
    from ..asking.sharing.upkeep import answers_by_model
    from ..machine.models import hub_commit

    commits = ((one.model, one.revision.split(" ")[0]) for one in answers_by_model(cache))
    return [
        (model, commit)
        for model, commit in commits
        if re.fullmatch("[0-9a-f]{40}", commit) and hub_commit(model) is None
    ]
