"""The commands of `index`, from `build` to `push`: vectors and items on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import EXIT_INPUT, EXIT_PARTIAL, ConfigError, InputError
from ..setup.names import Setup
from .captions import CAPTION_EPILOG, add_captions, build_texts, caption, read_given
from .compress import COMPRESS_EPILOG, compress
from .light import LIGHT_EPILOG, light
from .options import FormatOption
from .output import Format, progress, say, write_rows
from .push import EPILOG as PUSH_EPILOG
from .push import local, push
from .setup import MODELS, takes_setup, tell_build
from .upgrade import UPGRADE_EPILOG, upgrade

if TYPE_CHECKING:
    from ...indexes.region_build import RegionSpec

app = typer.Typer(
    help="Gallery indexes: build, caption, compress, upgrade, light, info, verify, remove, push.",
    no_args_is_help=True,
)

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="An index folder.")]


@app.command(
    epilog="Examples: [cyan]likebut index build ~/Pictures --out pictures.index[/cyan] · run it again "
    "after adding pictures: only new ones are read · captions alone, without pictures: "
    "[cyan]likebut index build --captions texts.jsonl --out texts.index --profile text[/cyan]"
)
@takes_setup("profile", *MODELS, "on")
def build(
    out: Annotated[Path, typer.Option("--out", "-o", help="The index folder to make or refresh.")],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGES…",
            help="Folders, image files or addresses (s3://…); none: the captions are the gallery.",
        ),
    ] = None,
    captions: Annotated[
        Path | None,
        typer.Option(
            "--captions", metavar="FILE", help="Captions by item id, file name or stem: JSON or JSON lines."
        ),
    ] = None,
    *,
    setup: Setup,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Pictures a batch.")] = 64,
    dtype: Annotated[str, typer.Option("--dtype", help="float16 or float32 on disk.")] = "float16",
    mapper: Annotated[
        str,
        typer.Option(
            "--mapper",
            help="How files are read: threads, processes, device (JPEGs, where the encoder computes), or "
            "auto: by their number.",
        ),
    ] = "auto",
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Start anew, e.g. for another encoder.")
    ] = False,
    reread: Annotated[
        bool, typer.Option("--reread", help="Read every file again; what is in it decides, not its date.")
    ] = False,
    reuse: Annotated[
        list[Path] | None,
        typer.Option("--reuse", metavar="DIR", help="Take vectors over from this index; repeatable."),
    ] = None,
    change_roots: Annotated[
        bool, typer.Option("--change-roots", help="Take out what earlier builds put in from elsewhere.")
    ] = False,
    regions: Annotated[
        str | None,
        typer.Option(
            "--regions",
            metavar="KIND",
            help="Vectors of parts of the pictures, too: crops (five) or patches (a grid, by the tower). "
            "Later builds keep them up.",
        ),
    ] = None,
    region_codes: Annotated[
        int | None,
        typer.Option(
            "--region-codes", metavar="BYTES", min=1, help="Keep each of these vectors in so many bytes."
        ),
    ] = None,
    videos: Annotated[
        int | None,
        typer.Option(
            "--videos",
            metavar="N",
            help="N frames of each video, too, evenly spaced; 0: none. Later builds keep to it.",
        ),
    ] = None,
) -> None:
    """Encode a gallery; unchanged files are not read again, renamed ones keep their vectors.

    Captions are stored beside the pictures, for recipes that score them.
    """
    from ...indexes.build import build as build_index
    from ...indexes.videos import check as check_videos
    from ..setup.assembly import elsewhere, open_encoder

    _may_reach(images or (), setup)
    local(out)
    wanted = _regions(regions, region_codes, images)
    check_videos(videos or 0)
    given = read_given(captions, images)
    if not images and setup.on:
        raise ConfigError("--on without pictures: Ray reads and encodes those alone", "leave out --on")
    encoder = open_encoder(setup)
    if not images:
        build_texts(given, out, encoder, dtype)
        return
    with progress("indexing") as on_progress:
        report = build_index(
            images,
            out,
            encoder,
            batch_size=batch_size,
            dtype=dtype,
            on_progress=on_progress,
            rebuild=rebuild,
            change_roots=change_roots,
            reread=reread,
            donors=reuse or (),
            mapper=mapper,
            regions=wanted,
            elsewhere=elsewhere(setup),
            videos=videos,
        )
    tell_build(report, out)
    if captions is not None:
        add_captions(given, captions, out, encoder)
    if report.failed or (report.regions and report.regions.failed):
        raise typer.Exit(EXIT_PARTIAL)


def _may_reach(images: Sequence[str], setup: Setup) -> None:
    """Raises ConfigError for pictures that lie on other machines, where no network may be used."""
    from ...indexes.remote import is_elsewhere

    far = [one for one in images if is_elsewhere(one)]
    if far and setup.offline:
        raise ConfigError(f"--offline and {far[0]} do not go together", "leave out one of the two")


def _regions(kind: str | None, codes: int | None, images: list[str] | None) -> RegionSpec | None:
    """The regions that are asked for. Raises ConfigError for options that do not go together."""
    from ...indexes.parts import check_kind
    from ...indexes.region_build import RegionSpec

    if kind is None:
        if codes is not None:
            raise ConfigError("--region-codes without regions", "name them: --regions crops or patches")
        return None
    check_kind(kind)
    if not images:
        raise ConfigError("captions alone have no regions", "name the pictures, too")
    return RegionSpec(kind, codes)


app.command("caption", epilog=CAPTION_EPILOG)(caption)
app.command("compress", epilog=COMPRESS_EPILOG)(compress)
app.command("upgrade", epilog=UPGRADE_EPILOG)(upgrade)
app.command("light", epilog=LIGHT_EPILOG)(light)
app.command("push", epilog=PUSH_EPILOG)(push)


@app.command(epilog="Example: [cyan]likebut index info pictures.index --format json[/cyan]")
def info(folder: FolderArgument, form: FormatOption = Format.table) -> None:
    """Show what an index, or a gallery in Milvus, holds and which encoder made it."""
    from ...indexes.maintain import info as index_info
    from ...indexes.milvus.address import is_address
    from ...indexes.milvus.gallery import info as remote_info

    facts: dict[str, Any] = remote_info(folder) if is_address(folder) else index_info(folder)
    if form in (Format.json, Format.jsonl):
        write_rows([facts], form)
        return
    rows = [{"what": key, "value": str(value)} for key, value in facts.items() if key != "failed"]
    rows += [{"what": "unreadable", "value": f"{path}: {why}"} for path, why in facts.get("failed", ())]
    write_rows(rows, form)


@app.command(epilog="Example: [cyan]likebut index verify pictures.index[/cyan]")
def verify(
    folder: FolderArgument,
    content: Annotated[
        bool, typer.Option("--content", help="Also read every picture, and compare its contents.")
    ] = False,
) -> None:
    """Check every checksum, shape and norm, of captions and regions, too; exit 3 if anything is wrong."""
    from ...indexes.maintain import verify as verify_index

    report = verify_index(local(folder))
    for problem in report.problems:
        say(f"damaged: {problem}")
    if report.problems:
        for line in report.advice:
            say(line)
        raise typer.Exit(EXIT_INPUT)
    if content:
        _verify_contents(folder)
    say(f"{folder}: {report.rows} rows, all checks passed")


def _verify_contents(folder: Path) -> None:
    """Say which files are not those that were indexed; ends with exit 3 where there are any."""
    from ...indexes.contents import changed_files

    with progress("reading") as on_progress:
        changed = changed_files(folder, on_progress)
    for path, reason in changed:
        say(f"{reason}: {path}")
    if changed:
        say("bring it up: the same `likebut index build` command with --reread")
        raise typer.Exit(EXIT_INPUT)


@app.command(epilog="Example: [cyan]likebut index remove pictures.index '*/screenshots/*'[/cyan]")
def remove(
    folder: FolderArgument,
    glob: Annotated[str, typer.Argument(metavar="GLOB", help="Items to take out, by id or path.")],
) -> None:
    """Take matching items out of the index; the picture files stay."""
    from ...indexes.maintain import remove as remove_items

    count = remove_items(local(folder), glob)
    if not count:
        raise InputError(
            f"no item of {folder} matches {glob!r}", "ids are paths below the folder that was indexed"
        )
    say(f"{folder}: {count} item{'' if count == 1 else 's'} removed")
