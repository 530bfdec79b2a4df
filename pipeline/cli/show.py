"""How the hits of one answered query are shown, copied and previewed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from ...indexes.videos import file_of, told
from ..errors import InputError
from ..hits.rows import columns_of, hit_rows
from ..records.trace import Trace
from .output import Format, say, write_rows


class Pictures(StrEnum):
    """How --preview draws: as the terminal's environment says, or one way whatever it says."""

    auto = "auto"
    kitty = "kitty"
    iterm2 = "iterm2"
    sixel = "sixel"
    blocks = "blocks"


Folders = Path | Sequence[Path] | None


def show_hits(trace: Trace, form: Format, folders: Folders = None, *, null: bool = False) -> None:
    """The hits on stdout, their paths as typed; JSON forms carry the whole trace.

    With ``null`` each path ends with NUL, so that names with line ends stay whole.
    """
    if form in (Format.json, Format.jsonl):
        from ..records.traces import trace_to_json

        if form is Format.json:
            import json

            print(json.dumps(trace_to_json(trace), indent=2))
        else:
            write_rows([trace_to_json(trace)], form)
        return
    if null:
        for row in hit_rows(trace, folders, files=True):
            print(row["path"], end="\0")
        return
    linked = form is Format.table and takes_links()
    rows = hit_rows(trace, folders, links=linked, files=form is Format.paths)
    write_rows(rows, form, columns=columns_of(rows))


def takes_links() -> bool:
    """Whether stdout is a terminal that may be sent links (OSC 8)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return not plain and sys.stdout.isatty()


def copy_hits(trace: Trace, folder: Path) -> None:
    """Copy the hits' files into ``folder``, the rank first in the name. Raises InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [(hit.rank, Path(file_of(hit.path))) for hit in trace.ranking.hits]
        pairs = [(file, folder / f"{rank:03d}-{file.name}") for rank, file in files]
        new = [(source, place) for source, place in pairs if not _is_copy(source, place)]
        for _, place in new:
            if os.path.lexists(place):
                raise InputError(f"{place} is there already and is another file", "name a new folder")
    except OSError as problem:
        raise InputError(f"cannot copy hits to {folder}: {problem.strerror}") from problem
    failed = [f"{source}: {why}" for source, place in new if (why := _copied(source, place))]
    if failed:
        raise InputError(
            f"{len(failed)} of {len(pairs)} hits could not be copied to {folder}: {failed[0]}",
            "the others are there; the gallery's index may be older than its files",
        )


def _copied(source: Path, place: Path) -> str:
    """Copy one file; why it could not be, or nothing."""
    try:
        shutil.copy2(source, place)
    except OSError as problem:
        return problem.strerror or str(problem)
    return ""


def _is_copy(source: Path, place: Path) -> bool:
    """Whether a file of an earlier copy is there already."""
    from filecmp import cmp

    return place.is_file() and cmp(source, place, shallow=False)


def preview(trace: Trace, way: Pictures) -> None:
    """Show the hits on stderr, the chosen or the terminal's way; say so where there is none."""
    from ...indexes.errors import GalleryError
    from ..report.terminal import preview_sequence, truecolour

    terminal = terminal_of(way)
    if terminal is None:
        say("--preview: pictures are shown in terminals only; try --report out.html")
        return
    columns = shutil.get_terminal_size().columns
    for hit in trace.ranking.hits:
        say(f"{hit.rank}. {told(hit.path) or hit.id}")
        if not hit.path:
            continue
        try:
            drawn = preview_sequence(
                Path(hit.path),
                terminal,
                columns=columns,
                many_colours=way is Pictures.blocks or truecolour(os.environ),
            )
        except GalleryError as problem:
            say(f"   {problem.message}")
            continue
        _draw(drawn + b"\n")


def terminal_of(way: Pictures) -> str | None:
    """The way of drawing: the one that is chosen, or of the terminal that stderr is; None for none."""
    from ..report.terminal import detect_terminal

    if way is not Pictures.auto:
        return way.value
    return detect_terminal(os.environ) if sys.stderr.isatty() else None


def show_strips(trace: Trace, terminal: str, *, many_colours: bool) -> None:
    """The hits as rows of small pictures on stderr, for a terminal of `terminal_of`."""
    from ..report.strips import strips

    width = shutil.get_terminal_size().columns
    for strip in strips(trace.ranking.hits, terminal, columns=width, many_colours=many_colours):
        _draw(strip.drawn if terminal == "blocks" else strip.drawn + b"\n")
        for line in filter(None, (strip.below, *strip.problems)):
            say(line)


def _draw(drawn: bytes) -> None:
    sys.stderr.flush()
    sys.stderr.buffer.write(drawn)
    sys.stderr.flush()
