"""`index build | info | verify | remove`: a gallery's vectors and items on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import CacheOption, DeviceOption, OfflineOption, ProfileOption, cache_path
from pipeline.cli.output import Format, progress, say, write_rows
from pipeline.errors import EXIT_INPUT, EXIT_PARTIAL

if TYPE_CHECKING:
    from indexes.build import BuildReport

app = typer.Typer(help="Gallery indexes: build, info, verify, remove.", no_args_is_help=True)

FolderArgument = Annotated[Path, typer.Argument(metavar="DIR", help="An index folder.")]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="Output format.")]
SHOWN_FAILURES = 5


@app.command(
    epilog="Examples: [cyan]likebut index build ~/Pictures --out pictures.index[/cyan] · run it again "
    "after adding pictures: only new ones are read"
)
def build(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGES…", help="Folders or image files.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The index folder to make or refresh.")],
    profile: ProfileOption = "pocket",
    device: DeviceOption = None,
    offline: OfflineOption = False,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Pictures a batch.")] = 64,
    dtype: Annotated[str, typer.Option("--dtype", help="float16 or float32 on disk.")] = "float16",
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Start anew, e.g. for another encoder.")
    ] = False,
    cache: CacheOption = None,
) -> None:
    """Encode a gallery; unchanged files are not read again, renamed ones keep their vectors."""
    from indexes.build import build as build_index
    from pipeline.assembly import open_encoder

    encoder = open_encoder(profile, cache_path(cache), device=device, offline=offline)
    with progress("indexing") as on_progress:
        report = build_index(
            images, out, encoder, batch_size=batch_size, dtype=dtype, on_progress=on_progress,
            rebuild=rebuild,
        )  # fmt: skip
    tell_build(report, out)
    if report.failed:
        raise typer.Exit(EXIT_PARTIAL)


def tell_build(report: BuildReport, out: Path) -> None:
    """Say what a build did, and name what could not be read."""
    changes = [
        f"{count} {word}"
        for count, word in (
            (report.encoded, "encoded"), (report.reused, "unchanged"), (report.renamed, "renamed"),
            (report.removed, "removed"), (len(report.failed), "unreadable"),
        )
        if count
    ]  # fmt: skip
    say(f"{out}: {report.items} pictures ({', '.join(changes)}) in {report.seconds:.1f} s")
    for path, reason in report.failed[:SHOWN_FAILURES]:
        say(f"  unreadable: {path}: {reason}")
    if len(report.failed) > SHOWN_FAILURES:
        say(f"  … and {len(report.failed) - SHOWN_FAILURES} more (`likebut index info` names all)")


@app.command(epilog="Example: [cyan]likebut index info pictures.index --format json[/cyan]")
def info(folder: FolderArgument, form: FormatOption = Format.table) -> None:
    """Show what an index holds and which encoder made it."""
    from indexes.maintain import info as index_info

    facts: dict[str, Any] = index_info(folder)
    if form in (Format.json, Format.jsonl):
        write_rows([facts], form)
        return
    rows = [{"what": key, "value": str(value)} for key, value in facts.items() if key != "failed"]
    rows += [
        {"what": "unreadable", "value": f"{path}: {why}"} for path, why in facts.get("failed", ())
    ]
    write_rows(rows, form)


@app.command(epilog="Example: [cyan]likebut index verify pictures.index[/cyan]")
def verify(folder: FolderArgument) -> None:
    """Check every checksum, shape and norm; exit 3 if anything is wrong."""
    from indexes.maintain import verify as verify_index

    report = verify_index(folder)
    for problem in report.problems:
        say(f"damaged: {problem}")
    if report.problems:
        say(f"rebuild it: likebut index build IMAGES --out {folder} --rebuild")
        raise typer.Exit(EXIT_INPUT)
    say(f"{folder}: {report.rows} rows, all checks passed")


@app.command(epilog="Example: [cyan]likebut index remove pictures.index '*/screenshots/*'[/cyan]")
def remove(
    folder: FolderArgument,
    glob: Annotated[str, typer.Argument(metavar="GLOB", help="Items to take out, by id or path.")],
) -> None:
    """Take matching items out of the index; the picture files stay."""
    from indexes.maintain import remove as remove_items

    count = remove_items(folder, glob)
    say(f"{folder}: {count} item{'' if count == 1 else 's'} removed")
