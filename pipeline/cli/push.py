"""`index push`: an index brought to Milvus. Other work on an index is done where its folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .output import progress, say

EPILOG = (
    "Examples: [cyan]likebut index push pictures.index --to milvus://localhost:19530/photos[/cyan] · into "
    "a file: [cyan]likebut index push pictures.index --to photos.db[/cyan] · then search it: "
    '[cyan]likebut query cat.png "at night" --index photos.db[/cyan]'
)


def push(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An index folder.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="milvus://HOST:PORT/COLLECTION, or FILE.db/COLLECTION of Milvus Lite; "
            "…/COLLECTION/GALLERY for one of several.",
        ),
    ],
) -> None:
    """Bring vectors, items, captions and statistics to Milvus; what is there already is not sent again.

    Items that are no longer in the index are taken out there. Killed, the same command goes on. A name and
    password stand in LIKEBUT_MILVUS_TOKEN, or LIKEBUT_MILVUS_USER and LIKEBUT_MILVUS_PASSWORD.
    """
    from ...indexes.milvus.push import push as push_index

    with progress("pushing") as on_progress:
        report = push_index(local(folder), to, on_progress)
    changes = f"{report.sent} sent, {report.kept} there, {report.removed} removed"
    say(f"{report.address}: {report.items} items ({changes}) in {report.seconds:.1f} s")


def local(folder: Path) -> Path:
    """The folder of an index. Raises ConfigError for an address of Milvus."""
    from ...indexes.milvus.address import is_address

    if is_address(folder):
        raise ConfigError(
            f"{folder} is a gallery in Milvus, and this works on an index folder",
            "change the index that was pushed, and push it again: likebut index push DIR --to ADDRESS",
        )
    return folder
