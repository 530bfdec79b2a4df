"""`dialogue`: saved sessions, shown, taken again by another composer, and held side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..records.dialogue import Dialogue, check_place, read
from ..records.turns import Compared, compared, tree
from ..setup.names import Setup
from .money import telling
from .options import FormatOption
from .output import Format, say, write_rows
from .settings import profile_or, recipe_or
from .setup import COST, GALLERY, MODELS, open_composer, takes_setup, with_gallery

FIRST = 3  # hits of a turn that are named
K = 10
app = typer.Typer(help="Saved sessions: show one, take its steps again, compare two.", no_args_is_help=True)
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="What a session was saved in.")]
REPLAY_EPILOG = """Examples:

[cyan]likebut dialogue replay cats.json --in gallery --recipe cirevl[/cyan]

[cyan]likebut dialogue replay cats.json --in ~/Pictures --profile cpu --out cats-cpu.json[/cyan]"""


@app.command(epilog="Example: [cyan]likebut dialogue show cats.json[/cyan]")
def show(file: FileArgument, form: FormatOption = Format.table) -> None:
    """Show the turns as a tree: what was said, what was wanted, the first hits."""
    dialogue = _read(file)
    rows: list[dict[str, Any]] = [
        {
            "turn": one.number,
            "from": one.turn.parent + 1 or None,
            "at": ">" if one.number == dialogue.at + 1 else "",
            "said": one.words if form is Format.table else one.turn.step.words,
            "target_caption": one.target,
            "hits": [hit.id for hit in one.turn.trace.ranking.hits[:FIRST]],
        }
        for one in tree(dialogue)
    ]
    if form in (Format.json, Format.jsonl):
        rows = [{**row, "at": bool(row["at"])} for row in rows]
    else:
        rows = [{**row, "hits": " ".join(row["hits"])} for row in rows]
    write_rows(rows, form)
    for words in dict.fromkeys(turn.trace.light.words for turn in dialogue.turns if turn.trace.light):
        say(f"texts {words}")


@app.command(epilog=REPLAY_EPILOG)
@takes_setup(*GALLERY, "weights", *MODELS, *COST)
def replay(
    file: FileArgument,
    recipe: Annotated[
        str | None, typer.Option("--recipe", "-r", help="Method; missing: the dialogue's, or yours.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Models; missing: the dialogue's, or yours.")
    ] = None,
    *,
    setup: Setup,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Keep the new dialogue in this file.")
    ] = None,
    form: FormatOption = Format.table,
) -> None:
    """Take the steps of a dialogue again, with another method, other models, or on another gallery.

    Says of every turn how many of its first ten hits are the same, and what was wanted before and now.
    """
    from ..stages.conversation import Session

    if out:
        check_place(out, "--out")
    before = _read(file)
    traces = [turn.trace for turn in before.turns]
    setup = replace(
        setup,
        recipe=recipe or recipe_or(traces[-1].recipe),
        profile=profile or profile_or(traces[-1].profile),
    )
    budget = setup.budget()
    composer = open_composer(with_gallery(setup), budget)
    deep = max(K, *(len(trace.ranking.hits) for trace in traces))
    with telling(budget, quiet=True):
        again = Session(composer, before, deep).replayed(composer)
    _show_compared(compared(before, again.dialogue, K), form)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        again.save(out)
        say(f"{out}: {len(again.dialogue.turns)} turns")


@app.command(epilog="Example: [cyan]likebut dialogue diff cats.json cats-cpu.json[/cyan]")
def diff(
    first: Annotated[Path, typer.Argument(metavar="A", help="What a session was saved in.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="The one against it.")],
    form: FormatOption = Format.table,
) -> None:
    """Hold two dialogues side by side, turn by turn."""
    _show_compared(compared(_read(first), _read(second), K), form)


def _read(file: Path) -> Dialogue:
    """The dialogue of a file. Raises InputError for one without a turn, too."""
    dialogue = read(file)
    if not dialogue.turns:
        raise InputError(f"{file} holds a dialogue without a turn", "say something in it first")
    return dialogue


def _show_compared(turns: Iterable[Compared], form: Format) -> None:
    rows = [_data(one) if form in (Format.json, Format.jsonl) else _cells(one) for one in turns]
    write_rows(rows, form)


def _data(one: Compared) -> dict[str, Any]:
    parting = one.parting
    return {
        "turn": one.number,
        "said": list(one.said),
        "target_caption": list(one.targets),
        f"overlap@{K}": one.overlap,
        "first_difference": [parting.rank, parting.before, parting.after] if parting else None,
    }


def _cells(one: Compared) -> dict[str, Any]:
    """What is the same in both is said once."""
    return {
        "turn": one.number,
        "said": _both(*one.said),
        "target_caption": _both(*one.targets),
        f"overlap@{K}": one.overlap,
        "first difference": one.parting.words if one.parting else "",
    }


def _both(before: str, after: str) -> str:
    return before if before == after else f"{before or '–'} → {after or '–'}"
