"""`index compress`: a form of the vectors in which the best are found without looking at every row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .output import progress, say

COMPRESS_EPILOG = (
    "Examples: [cyan]likebut index compress pictures.index --recall 0.99[/cyan] · queries use it by "
    "themselves, [cyan]--exact[/cyan] does without · "
    "[cyan]likebut index compress pictures.index --drop[/cyan]"
)


def compress(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An index folder.")],
    recall: Annotated[
        float, typer.Option("--recall", help="Share of the 10 best that must be found, as measured.")
    ] = 0.95,
    kind: Annotated[
        str, typer.Option("--kind", help="pq, hnsw or ivf; missing: the one that is measured to be better.")
    ] = "",
    drop: Annotated[bool, typer.Option("--drop", help="Take the compressed form away.")] = False,
) -> None:
    """Make searching a large gallery quick: the vectors stay, and score what is found.

    The form lies beside them, for captions, too. It is measured on the gallery's own vectors and on sums
    of them as queries are composed; builds keep it in step.
    """
    from ...indexes.compressed_kinds import KINDS
    from ...indexes.compressing import EXACT_IS_QUICK
    from ...indexes.compressing import compress as compress_index
    from ...indexes.compressing import drop as drop_forms

    if drop:
        say(f"{folder}: " + ("the compressed form is gone" if drop_forms(folder) else "it has none"))
        return
    if kind and kind not in KINDS:
        raise ConfigError(f"no kind {kind!r} of compressed forms", f"there are {' and '.join(KINDS)}")
    with progress("compressing") as on_progress:
        reports = compress_index(folder, recall, kind=kind, on_progress=on_progress)
    for report in reports:
        form, share = report.form, 100 * report.bytes / max(1, report.vector_bytes)
        size = f"{report.bytes / 1e6:.1f} MB ({share:.0f} % on top of the vectors)"
        say(
            f"{folder}: {report.side}: {report.rows} rows as {form.kind} in {form.seconds:.1f} s, "
            f"{size}, {form.milliseconds:.1f} ms a query"
        )
        for one in form.measured:
            say(f"  recall@10 {one.recall:.3f} on {one.queries} queries of {one.kind}")
        if not report.reached:
            say(f"  no effort reached {form.asked:g}: this is the best that was measured")
    if reports[0].rows < EXACT_IS_QUICK:
        say(f"  exact search is quick up to {EXACT_IS_QUICK:,} rows: --exact does without this form")
