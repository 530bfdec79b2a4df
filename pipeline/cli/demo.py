"""`demo`: the whole product on a drawn gallery, in one command and without a network."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..setup.names import Setup
from .demo_photographs import can_run, photographs_page
from .output import Format, progress, say, write_rows
from .setup import open_composer

if TYPE_CHECKING:
    from ..pocket.plan import DrawnGallery, DrawnQuery
    from ..records.trace import Trace

EPILOG = "Example: [cyan]likebut demo --seed 7[/cyan]"
PICTURES = 2000
COMBINED = 2
SHOWN = 10


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the gallery and the report.")] = Path(
        "demo"
    ),
    seed: Annotated[int, typer.Option("--seed", help="Another seed, other queries.")] = 2026,
    count: Annotated[int, typer.Option("--count", min=100, help="Pictures in the gallery.")] = PICTURES,
) -> None:
    """Draw a gallery, index it, run a query of each kind, and write demo/index.html."""
    started = time.monotonic()
    from ..pocket.draw import draw_gallery, file_name
    from ..records.trace import Query
    from ..report.pages import check_page

    check_page(out / "index.html")
    gallery_folder = out / "gallery"
    kinds = demo_kinds(seed)
    with progress("drawing") as on_progress:
        gallery = draw_gallery(
            gallery_folder, count, seed, len(kinds), kinds=kinds, on_progress=on_progress
        )
    composer = open_composer(Setup(folders=(gallery_folder,), cache=out / "cache.sqlite"))
    queries = [
        Query(q.id, gallery_folder / file_name(q.reference), q.modification) for q in gallery.queries
    ]
    traces = composer.compose(queries, SHOWN)
    rows = [_row(q, t, gallery) for q, t in zip(gallery.queries, traces, strict=True)]
    write_rows(rows, Format.table)
    _report(out, gallery, traces)
    found = sum(row["first correct"] is not None and row["first correct"] <= 5 for row in rows)
    say(f"{found} of {len(rows)} queries have a correct picture in the top five")
    say(f"report: {out / 'index.html'} ({time.monotonic() - started:.1f} s)")
    if can_run():
        photographs_page(out)


def demo_kinds(seed: int) -> list[str]:
    """One query of each kind of edit and two combined ones, which the seed chooses."""
    from random import Random

    from ..pocket.plan import COMBINED_KINDS, SINGLE_KINDS

    return [*SINGLE_KINDS, *Random(seed).sample(COMBINED_KINDS, COMBINED)]


def first_correct(trace: Trace, targets: set[str]) -> int | None:
    """The rank of the first hit among ``targets`` (file names), or None."""
    return next((hit.rank for hit in trace.ranking.hits if Path(hit.path).name in targets), None)


def _names(query: DrawnQuery) -> set[str]:
    from ..pocket.draw import file_name

    return {file_name(number) for number in query.targets}


def _row(query: DrawnQuery, trace: Trace, gallery: DrawnGallery) -> dict[str, Any]:
    from ..pocket.captions import canonical

    return {
        "kind": query.kind,
        "reference": canonical(gallery.scenes[query.reference]),
        "modification": query.modification,
        "first correct": first_correct(trace, _names(query)),
    }


def _correct(query: DrawnQuery, trace: Trace) -> frozenset[str]:
    """The paths of the hits that answer the query, spelled as hits are."""
    names = _names(query)
    return frozenset(hit.path for hit in trace.ranking.hits if Path(hit.path).name in names)


def _report(out: Path, gallery: DrawnGallery, traces: list[Trace]) -> None:
    from ..report.demo_report import DemoRow, write_demo_report

    rows = [
        DemoRow(
            kind=query.kind,
            trace=trace,
            correct=_correct(query, trace),
            first_correct=first_correct(trace, _names(query)),
        )
        for query, trace in zip(gallery.queries, traces, strict=True)
    ]
    write_demo_report(rows, out / "index.html")
