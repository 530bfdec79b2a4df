"""`index light`: quick queries for a gallery whose tower reads texts slowly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, InputError
from ..setup.names import Setup
from .output import progress, say
from .setup import MODELS, takes_setup

LIGHT_EPILOG = (
    "Examples: [cyan]likebut index light photos.index --small text --to gpu --out gpu.light[/cyan] · "
    "without captions: [cyan]likebut index light --texts asked.txt --small text --to gpu -o a.light[/cyan]"
    ' · then, in a copy of the profile, under \\[encoder]: [cyan]light = "gpu.light"[/cyan]'
)


@takes_setup(*MODELS)
def light(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="An index with captions to learn from.")
    ] = None,
    texts: Annotated[
        list[Path] | None,
        typer.Option("--texts", metavar="FILE", help="Texts to learn from, a line each; repeatable."),
    ] = None,
    *,
    small: Annotated[
        str, typer.Option("--small", metavar="PROFILE", help="The profile of the small tower.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="PROFILE", help="The profile of the gallery's tower.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file of the map.")],
    setup: Setup,
    least: Annotated[
        float, typer.Option("--least", min=0, max=1, help="Refuse a map that agrees less.")
    ] = 0.4,
    sample: Annotated[
        int, typer.Option("--sample", min=100, help="Texts that both towers encode.")
    ] = 10_000,
) -> None:
    """Learn to encode the texts of queries by a small tower, in the space of the gallery's."""
    from ..asking.learning import learn_light
    from ..encoders.light import check_place, write_light
    from ..setup.assembly import open_encoder

    check_place(out)
    known = _texts(folder, texts or [], to)
    ends = [(name, open_encoder(replace(setup, profile=name))) for name in (small, to)]
    with progress("encoding texts") as on_progress:
        learnt = learn_light(known, *ends, sample=sample, least=least, on_progress=on_progress)
    write_light(out, learnt)
    say(
        f"{out}: learnt from {learnt.texts} texts; of others {learnt.agreement:.0%} of the ten nearest are "
        f'right. In a copy of the profile, under [encoder]: light = "{out}"'
    )


def _texts(folder: Path | None, files: list[Path], profile: str) -> list[str]:
    """What to learn from: captions, lines, or, of a profile that knows the drawn world, drawn ones."""
    from ..config.files import load_profile
    from ..records.lines import read_lines

    found = [line for file in files for _, line in read_lines(file, "the texts")]
    if folder is not None:
        found += _captions(folder)
    elif not files:
        if not load_profile(profile).vocabulary:
            raise ConfigError(
                "no texts to learn from", "name an index with captions, or --texts FILE, or both"
            )
        from ..pocket.captions import some_texts

        found = some_texts(20_000, seed=0)
    return found


def _captions(folder: Path) -> list[str]:
    """The captions of an index, of all its items. Raises InputError where it has none."""
    from ...indexes.contract import CAPTIONS
    from ...indexes.store import Index
    from .push import local

    index = Index.open(local(folder))
    side = index if index.identity.reads_captions else index.side(CAPTIONS)
    if side is None:
        raise InputError(
            f"{folder} has no captions", f"write them: likebut index caption {folder}, or --texts FILE"
        )
    return [line for item in side.all_items() for line in (item.caption or "").split("\n")]
