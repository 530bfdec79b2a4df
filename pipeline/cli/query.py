"""`query`: one reference, one sentence, ranked pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import EXIT_PARTIAL, ConfigError, InputError
from ..hits.picking import Picking
from ..machine.outputs import check_folder
from ..records.trace import Query
from ..setup.names import Setup
from . import show
from .dry_run import show_estimates
from .explaining import explain_hits, explain_trace, tell_warnings
from .incoming import name_of, received
from .money import telling
from .opening import open_pictures, opener
from .options import (
    DryRunOption,
    FoldOption,
    FormatOption,
    MinScoreOption,
    ModificationArgument,
    ReferenceArgument,
    SkipOption,
    as_text,
    read_settings,
)
from .output import Format, say
from .remote import ServerOption, asked_of
from .setup import COST, GALLERY, METHOD, MODELS, open_composer, takes_setup, with_gallery

if TYPE_CHECKING:
    from ..records.trace import Trace

EPILOG = """Examples, of photographs (models of --profile cpu are fetched once):

[cyan]likebut query photo.jpg "but in winter" --in ~/Pictures --profile cpu[/cyan]

[cyan]likebut query photo.jpg "with snow" --in ~/Pictures -p cpu -k 20 --preview --open 1[/cyan]

[cyan]likebut settings set profile cpu[/cyan]   once for all; so [cyan]gallery ~/Pictures[/cyan]

Of drawings, with the models that are here:

[cyan]likebut query cat.png "make it black" --in gallery[/cyan]

[cyan]likebut query cat.png "at night" --index pets.index -k 20 --explain --report out.html[/cyan]

[cyan]likebut query --text "two red apples at the beach" --in gallery[/cyan]   without a reference

[cyan]likebut query cat.png --in gallery[/cyan]   pictures like this one

[cyan]likebut query cat.png "without the dog" --in gallery --weight reference=0.4[/cyan]"""


@takes_setup(*GALLERY, *METHOD, *MODELS, *COST)
def query(
    context: typer.Context,
    reference: ReferenceArgument = None,
    modification: ModificationArgument = None,
    text: Annotated[str | None, typer.Option("--text", "-t", help="Search by a sentence alone.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100_000, help="How many hits.")] = 10,
    *,
    setup: Setup,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=TEXT", help="Use this caption, target_caption, … instead."),
    ] = None,
    form: FormatOption = Format.table,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the reasoning and the largest shares.")
    ] = False,
    explain_all: Annotated[
        bool, typer.Option("--explain-all", help="Show the reasoning and every share.")
    ] = False,
    skip: SkipOption = 0,
    min_score: MinScoreOption = None,
    fold: FoldOption = None,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="With -f paths: end each with NUL, as xargs -0 reads.")
    ] = False,
    report: Annotated[Path | None, typer.Option("--report", help="Write an HTML report.")] = None,
    copy_to: Annotated[Path | None, typer.Option("--copy-to", help="Copy the hits into a folder.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show the hits in the terminal.")] = False,
    preview_as: Annotated[
        show.Pictures, typer.Option("--preview-as", help="Show them this way, also into a pipe.")
    ] = show.Pictures.auto,
    open_first: Annotated[
        int,
        typer.Option("--open", metavar="N", min=0, max=50, help="Open the first N hits ($LIKEBUT_OPENER)."),
    ] = 0,
    dry_run: DryRunOption = False,
    server: ServerOption = None,
) -> None:
    """Find pictures like REF, but changed as the sentence says."""
    asked = _query(received(reference, context, offline=setup.offline), modification, text)
    asked = replace(asked, named=name_of(reference))
    explain = explain or explain_all
    picking = Picking(k, skip, min_score, fold)
    if null and form is not Format.paths:
        raise ConfigError("--null is for --format paths", "add -f paths, or leave out --null")
    command = opener() if open_first else []
    if report:
        from ..report.pages import check_page

        check_page(report)
    if copy_to:
        check_folder(copy_to, "--copy-to")
    given = read_settings(settings)
    found = asked_of(server, asked, picking.depth, setup, context) if server else None
    if dry_run:
        _estimate(asked, given, setup, form)
        return
    found = found or _answered(asked, given, picking, setup, quiet=not explain)
    _tell(found)
    tell_below(picking.below(found), picking)
    trace = picking.pick(found)
    if explain:
        explain_trace(trace, every=explain_all)
    show.show_hits(trace, form, setup.pictures, null=null)
    if explain and form is Format.table:
        explain_hits(trace.ranking.hits, every=explain_all)
    _hand_on(trace, report, copy_to)
    if preview or preview_as is not show.Pictures.auto:
        show.preview(trace, preview_as)
    open_pictures(command, [hit.path for hit in trace.ranking.hits[:open_first] if hit.path])


def _answered(
    asked: Query, given: Mapping[str, Any], picking: Picking, setup: Setup, *, quiet: bool
) -> Trace:
    """The answer of this process, with near-duplicates folded."""
    budget = setup.budget()
    composer = open_composer(with_gallery(setup), budget)
    with telling(budget, quiet=quiet):
        return picking.folded(composer.ask(asked, k=picking.depth, **given), composer.gallery)


def _estimate(asked: Query, given: Mapping[str, Any], setup: Setup, form: Format) -> None:
    """What the answer would take, on stdout."""
    from ..batch.estimate import estimate
    from ..stages.editing import resumed_now

    composer = open_composer(with_gallery(setup), setup.budget(), dry=True)
    known = resumed_now(composer.recipe, asked, given) if given else None
    show_estimates({setup.recipe: estimate(composer, [known or asked])}, form)


def _hand_on(trace: Trace, report: Path | None, copy_to: Path | None) -> None:
    """The page and the copies."""
    if report:
        from ..report.query_report import write_query_report

        write_query_report([trace], report, title=_title(trace.query))
        say(f"report: {report}")
    if copy_to:
        show.copy_hits(trace, copy_to)


def _query(reference: Path | None, modification: str | None, text: str | None) -> Query:
    """The Query of the arguments. Raises ConfigError and InputError."""
    if text is not None and reference is not None:
        raise ConfigError(
            "--text searches without a reference", "leave out REF, or give the sentence after it"
        )
    if text is not None:
        if not text.strip():
            raise ConfigError("--text is empty", "say what the picture should show")
        return Query("query", None, as_text(text, "--text").strip())
    if reference is None:
        raise ConfigError("nothing to look for", "give REF and a sentence, REF alone, or --text")
    if not reference.is_file():
        raise InputError(f"no reference image at {reference}", "check the path")
    if modification is not None and not modification.strip():
        raise ConfigError("the modification is empty", "say what should change, or leave it out")
    as_text(modification or "", "the modification")
    return Query("query", reference, (modification or "").strip())


def _tell(trace: Trace) -> None:
    tell_warnings(trace)
    if trace.error:
        raise InputError(trace.error)


def tell_below(count: int, picking: Picking, which: str = "") -> None:
    """Say how many hits are left out for their score."""
    if count:
        hits = "hit scores" if count == 1 else "hits score"
        say(f"{which}{count} {hits} below {picking.min_score:g}: not shown")


def _title(asked: Query) -> str:
    name = asked.named or (asked.reference.name if asked.reference else "text")
    return f"{name}: {asked.modification}" if asked.modification else name


def exit_partial(failed: int) -> None:
    """Exit 5 where some items failed."""
    if failed:
        raise typer.Exit(EXIT_PARTIAL)
