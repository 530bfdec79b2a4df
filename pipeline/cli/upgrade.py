"""`index upgrade`: another tower for a gallery, answering at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..errors import EXIT_PARTIAL
from ..setup.names import Setup
from .output import progress, say
from .setup import MODELS, takes_setup, tell_build

UPGRADE_EPILOG = (
    "Example: [cyan]likebut index upgrade photos.index --to gpu --out photos-gpu.index[/cyan] · meanwhile, "
    "in another terminal: [cyan]likebut query … --index photos-gpu.index --profile gpu[/cyan]"
)


@takes_setup(*MODELS)
def upgrade(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The index that there is.")],
    to: Annotated[str, typer.Option("--to", metavar="PROFILE", help="The profile of the new tower.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new index folder; the old one stays.")],
    *,
    setup: Setup,
    least: Annotated[
        float, typer.Option("--least", min=0, max=1, help="Refuse a map that agrees less.")
    ] = 0.4,
    sample: Annotated[
        int, typer.Option("--sample", min=10, help="Pictures that the map is learnt from.")
    ] = 10_000,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Pictures a batch.")] = 64,
    map_only: Annotated[
        bool, typer.Option("--map-only", help="Leave the exact index to `index build`.")
    ] = False,
) -> None:
    """Map the rows of an index into another tower's space, then build the exact index behind it."""
    from ...indexes.build import build
    from ...indexes.manifest import read_manifest
    from ...indexes.upgrade import map_index
    from ..setup.assembly import open_encoder

    encoder = open_encoder(replace(setup, profile=to))
    with progress("encoding a sample") as on_progress:
        mapped = map_index(
            folder, out, encoder, sample=sample, least=least, batch_size=batch_size, on_progress=on_progress
        )
    if mapped:
        say(
            f"{out}: {mapped.items} rows mapped, learnt from {mapped.pictures} pictures; of others "
            f"{mapped.agreement:.0%} of the ten nearest are right. It can be searched now (--profile {to})"
        )
    if map_only:
        return
    manifest = read_manifest(folder)
    with progress("indexing") as on_progress:
        roots = [Path(root) for root in manifest.roots]
        report = build(
            roots, out, encoder, batch_size=batch_size, dtype=manifest.dtype, on_progress=on_progress
        )
    tell_build(report, out)
    if report.failed:
        raise typer.Exit(EXIT_PARTIAL)
