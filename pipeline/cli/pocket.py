"""`pocket draw`: draw a gallery of the pocket world, with captions and composed queries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import progress, say

app = typer.Typer(help="The drawn world the pocket models know.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The drawn world the pocket models know: scenes of objects, settings, day, night and style."""


@app.command(epilog="Example: [cyan]likebut pocket draw --out gallery --count 500 --queries 20[/cyan]")
def draw(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to draw into.")],
    count: Annotated[int, typer.Option("--count", "-n", help="How many pictures.")] = 500,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same pictures.")] = 0,
    queries: Annotated[int, typer.Option("--queries", "-q", help="How many composed queries.")] = 0,
    size: Annotated[int, typer.Option("--size", min=16, max=4096, help="Pixels a side.")] = 128,
    busy: Annotated[bool, typer.Option("--busy", help="Eight things a picture, one small.")] = False,
    turns: Annotated[
        int, typer.Option("--turns", min=1, max=4, help="Queries are dialogues of up to so many sentences.")
    ] = 1,
) -> None:
    """Write PNGs, captions.jsonl and queries.jsonl (with all correct targets)."""
    from ..pocket.draw import draw_gallery

    with progress("drawing") as on_progress:
        gallery = draw_gallery(
            out, count, seed, queries, size=size, busy=busy, turns=turns, on_progress=on_progress
        )
    say(f"{len(gallery.scenes)} pictures and {len(gallery.queries)} queries in {out}")
