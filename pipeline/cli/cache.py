"""`cache`: what the cache of model answers holds; hand answers on, take them over, throw some away."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import EXIT_PARTIAL, ConfigError, InputError
from ..setup.names import Setup
from .cache_import import import_file
from .options import FormatOption
from .output import Format, say, write_rows
from .setup import takes_setup

if TYPE_CHECKING:
    from ..asking.cache import Cache

ModelOption = Annotated[
    list[str] | None, typer.Option("--model", "-m", help="Of this model alone; repeatable.")
]

app = typer.Typer(help="The cache of model answers.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The cache of model answers: one SQLite file that may be copied at any time."""


@app.command(epilog="Example: [cyan]likebut cache info[/cyan]")
@takes_setup("cache")
def info(*, setup: Setup, form: FormatOption = Format.table) -> None:
    """Show where the cache is, how large it is, and how many answers each model gave."""
    from ..asking.cache import Cache

    path = setup.answers
    rows = [{"what": "file", "value": str(path)}]
    if path.exists():
        with Cache(path) as store:
            facts = store.info()
        rows += _flat(facts)
    else:
        rows.append({"what": "entries", "value": "0 (not made yet)"})
    write_rows(rows, form)


def _flat(facts: dict[str, object], prefix: str = "") -> list[dict[str, str]]:
    rows = []
    for key, value in facts.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}: ")
        else:
            rows.append({"what": f"{prefix}{key}", "value": str(value)})
    return rows


@app.command("list", epilog="Example: [cyan]likebut cache list --format csv[/cyan]")
@takes_setup("cache")
def list_answers(*, setup: Setup, form: FormatOption = Format.table) -> None:
    """Show the answers of every model and revision: how many, their bytes and tokens, and of when."""
    from ..asking.sharing.upkeep import answers_by_model

    with _existing(setup.answers) as store:
        found = answers_by_model(store)
    rows = [
        {
            "model": one.model,
            "revision": one.revision or None,
            "answers": one.answers,
            "bytes": one.bytes,
            "prompt tokens": one.prompt_tokens,
            "reply tokens": one.reply_tokens,
            "unfinished": one.unfinished,
            "first": _day(one.first),
            "last": _day(one.last),
        }
        for one in found
    ]
    write_rows(rows, form)


@app.command(
    epilog="Examples: [cyan]likebut cache export answers.jsonl.zst[/cyan] · "
    "[cyan]likebut cache export - --model qwen | ssh there likebut cache import -[/cyan]"
)
@takes_setup("cache")
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to; .gz or .zst compress, - is stdout.")
    ],
    model: ModelOption = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    *,
    setup: Setup,
) -> None:
    """Write the answers to one file that others can import.

    The file holds questions (prompts, captions, sentences; of pictures only hashes) and replies, so
    look at whom you give it. Vectors are not in it: they cost nothing to make again.
    """
    from ..asking.sharing.transfer import export_answers
    from ..asking.sharing.upkeep import check_models

    with _existing(setup.answers) as store:
        check_models(store, model or ())
        done = export_answers(store, file, model or (), force=force)
    say(f"{done.written} answers written to {'stdout' if str(file) == '-' else file}")
    if done.unasked:
        say(
            f"{done.unasked} answers are not in it: an older likebut kept them without their questions "
            "(run what asked them again; the answers are reused, and the questions kept)"
        )
    if done.damaged:
        say(f"warning: {done.damaged} answers are not in it: their questions are damaged")
        raise typer.Exit(EXIT_PARTIAL)


app.command(
    "import",
    epilog="Examples: [cyan]likebut cache import answers.jsonl.zst[/cyan] · "
    "[cyan]likebut cache import captions.json --as captions --in ~/Pictures --recipe cirevl -p cpu[/cyan]",
)(import_file)


@app.command(
    epilog="Examples: [cyan]likebut cache prune --older-than 90 --dry-run[/cyan] · "
    "[cyan]likebut cache prune --model Qwen/Qwen2.5-1.5B-Instruct[/cyan]"
)
@takes_setup("cache")
def prune(
    model: ModelOption = None,
    older_than: Annotated[
        float | None, typer.Option("--older-than", metavar="DAYS", min=0, help="Made before that.")
    ] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Cut at their token limit, or stopped by a filter.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and leave it.")] = False,
    *,
    setup: Setup,
) -> None:
    """Throw answers away that meet all that is named; with --model alone its vectors, too.

    What is thrown away must be paid for again.
    """
    from ..asking.sharing.upkeep import Which, check_models
    from ..asking.sharing.upkeep import prune as prune_answers

    which = Which(model or (), older_than, unfinished)
    if which == Which():
        raise ConfigError("nothing says what should go", "--model, --older-than or --unfinished")
    with _existing(setup.answers) as store:
        check_models(store, which.models)
        done = prune_answers(store, which, dry_run=dry_run)
    vectors = f" and {done.vectors} vectors" if which.vectors_too else ""
    say(f"{done.answers} answers{vectors} {'would go' if dry_run else 'went'}")
    if done.undated:
        say(f"{done.undated} answers stayed: an older likebut did not write down when they were made")
    if done.freed is None:
        say("the file is in use elsewhere and keeps its size; the room is used again")
    elif done.freed:
        say(f"the file is {done.freed / 1e6:.1f} MB smaller")


def _existing(path: Path) -> Cache:
    """The cache, which must be there. Raises InputError."""
    from ..asking.cache import Cache

    if not path.exists():
        raise InputError(f"no cache at {path}", "it is made by the first query; or name --cache")
    return Cache(path)


def _day(seconds: int | None) -> str | None:
    from datetime import UTC, datetime

    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(seconds, UTC).date().isoformat() if seconds else None
    return None
