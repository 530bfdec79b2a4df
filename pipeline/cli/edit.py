"""`prompts edit`: change what was understood of one query, and see what that does to the ranking."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConfigError, InputError
from ..machine.spelling import as_typed, whole
from ..records.trace import Query, Trace
from ..setup.names import Setup
from .options import FormatOption, ModificationArgument, ReferenceArgument, read_settings
from .output import Format, say, write_rows
from .settings import profile_or, recipe_or
from .setup import MODELS, open_composer, takes_setup, with_gallery
from .show import Folders

if TYPE_CHECKING:
    from ..stages.composer import Composer
    from ..stages.editing import Understood

EPILOG = """Examples:

[cyan]likebut prompts edit cat.png "at night" --in gallery[/cyan]   opens $VISUAL or $EDITOR

[cyan]likebut prompts edit cat.png "at night" --in gallery --set forbidden="a moon; stars"[/cyan]

[cyan]likebut prompts edit --trace runs/likebut/results.jsonl --id q0007 --in gallery[/cyan]"""
# How deep both rankings are looked at, to say from where a picture came.
_DEEP = 100


@takes_setup("index", "folders", "weights", *MODELS)
def edit(
    context: typer.Context,
    reference: ReferenceArgument = None,
    modification: ModificationArgument = None,
    trace: Annotated[
        Path | None,
        typer.Option("--trace", help="Instead of REF: a file of `query -f json`, `batch` or `eval`."),
    ] = None,
    ident: Annotated[str, typer.Option("--id", help="Which query of the --trace file.")] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=TEXT", help="Change this instead of opening an editor; repeatable."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100_000, help="How many hits.")] = 10,
    recipe: Annotated[
        str | None, typer.Option("--recipe", "-r", help="Method; missing: the trace's, or yours.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", "-p", help="Models; missing: the trace's, or yours.")
    ] = None,
    *,
    setup: Setup,
    form: FormatOption = Format.table,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write both answers as an HTML report.")
    ] = None,
) -> None:
    """Change the captions or lists of one query, run on from there, and show what moved.

    A changed target caption or list is used as it stands; where the caption alone was changed, the
    reasoner is asked again about it.
    """
    from ..records.saved import read_saved
    from ..stages.editing import Understood, resumed
    from .incoming import name_of, received

    if report:
        from ..report.pages import check_page

        check_page(report)
    given = read_settings(settings)
    saved = read_saved(trace, ident) if trace else None
    if (saved is None) == (reference is None):
        raise ConfigError("nothing to edit", "give REF and a sentence, or --trace FILE")
    file = received(reference, context, offline=setup.offline)
    setup = replace(
        setup,
        recipe=recipe or recipe_or(saved.recipe if saved else ""),
        profile=profile or profile_or(saved.profile if saved else ""),
    )
    composer = open_composer(with_gallery(setup))
    lists = composer.recipe.elements
    query = _query(saved, file, modification, composer)
    query = replace(query, named=name_of(reference) or query.named)
    deep = max(k, _DEEP)
    known = resumed(saved, Understood.of(saved, lists)) if saved else Trace(query)
    before = _whole(composer.compose([replace(known, query=query)], deep)[0])
    understood = Understood.of(before, lists)
    changed = understood.changed(given) if given else _by_hand(understood, query)
    if changed == understood:
        say("nothing was changed")
        return
    after = _whole(composer.again(before, deep, **changed.fields))
    _show(before, after, understood, changed, form, k, setup.pictures)
    if report:
        _report(before, after, report, k)


def _query(
    saved: Trace | None, reference: Path | None, modification: str | None, composer: Composer
) -> Query:
    """The query of the arguments or of the file. Raises ConfigError and InputError."""
    if saved is None:
        assert reference is not None
        if not reference.is_file():
            raise InputError(f"no reference image at {reference}", "check the path")
        if not (modification or "").strip():
            raise ConfigError("the modification is missing", "say what should be different")
        return Query("query", reference, (modification or "").strip())
    found = saved.query.reference
    if found is None or found.is_file():
        return saved.query
    row = composer.gallery.row_of(str(found))
    if row is None:
        raise InputError(
            f"no reference image at {saved.query.named or found}, and no such item in the gallery"
        )
    return replace(saved.query, reference=Path(composer.gallery.items([row])[0].path))


def _whole(trace: Trace) -> Trace:
    if trace.error:
        raise InputError(trace.error)
    return trace


def _by_hand(understood: Understood, query: Query) -> Understood:
    from ..stages.editing import read_text, to_text
    from .editor import edited

    about = [
        f"Reference: {query.named or query.reference}",
        f"Modification: {' '.join(query.modification.split())}",
    ]
    return edited(to_text(understood, about), lambda text: read_text(text, understood))


def _show(
    before: Trace, after: Trace, old: Understood, new: Understood, form: Format, k: int, folders: Folders
) -> None:
    """What was changed, on stderr; the pictures with where they came from, on stdout."""
    from ..stages.editing import Understood, differences, moves

    # Where the reasoner was asked again, its new answer is a change, too.
    shown = Understood.of(after, list(new.elements)) if form is Format.table else new
    for name, was, now in differences(old, shown):
        say(f"{name}: {was or '–'} → {now or '–'}")
    data = form in (Format.json, Format.jsonl)
    spelled = whole if data else partial(as_typed, folders=folders)
    rows = [
        {"rank": move.after, "before": move.before, "moved": move.words, "path": spelled(move.path)}
        for move in moves(before.ranking, after.ranking, k)
    ]
    if data:
        from ..records.traces import SCHEMA_VERSION, trace_to_json

        both = {name: trace_to_json(_best(one, k)) for name, one in (("before", before), ("after", after))}
        record = {
            "schema_version": SCHEMA_VERSION,
            "changed": dict(given_changes(old, new)),
            **both,
            "hits": rows,
        }
        print(json.dumps(record, indent=2 if form is Format.json else None))
        return
    write_rows(rows, form, ("rank", "before", "moved", "path"))


def given_changes(old: Understood, new: Understood) -> dict[str, Any]:
    """The fields that were changed, with their new values."""
    return {name: value for name, value in new.fields.items() if value != old.fields[name]}


def _best(trace: Trace, k: int) -> Trace:
    return replace(trace, ranking=replace(trace.ranking, hits=trace.ranking.hits[:k]))


def _report(before: Trace, after: Trace, path: Path, k: int) -> None:
    from ..report.query_report import write_query_report

    both = [
        replace(_best(trace, k), query=replace(trace.query, id=name))
        for name, trace in (("before", before), ("after", after))
    ]
    write_query_report(both, path, title=f"before and after: {after.query.modification}")
    say(f"report: {path}")
