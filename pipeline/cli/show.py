"""How one answered query is shown in a terminal: hits, and with --explain the whole trail."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from pipeline.cli.output import Format, one_line, say, write_rows
from pipeline.errors import InputError
from pipeline.records import Hit, Trace


def hit_rows(trace: Trace, *, shares: bool = False) -> list[dict[str, Any]]:
    """One row per hit; with ``shares`` one column per grain too."""
    rows = []
    for hit in trace.ranking.hits:
        row: dict[str, Any] = {
            "rank": hit.rank,
            "score": round(hit.score, 6),
            "path": hit.path or hit.id,
        }
        if shares:
            row |= {f"+{name}": round(share, 4) for name, share in hit.shares.items()}
        rows.append(row)
    return rows


def show_hits(trace: Trace, form: Format, *, explain: bool) -> None:
    """The hits on stdout; JSON forms carry the whole trace."""
    if form in (Format.json, Format.jsonl):
        from pipeline.traces import trace_to_json

        if form is Format.json:
            import json

            print(json.dumps(trace_to_json(trace), indent=2))
        else:
            write_rows([trace_to_json(trace)], form)
        return
    write_rows(hit_rows(trace), form, columns=("rank", "score", "path"))
    if explain and form is Format.table:
        for hit in trace.ranking.hits:
            say(f"{hit.rank:>3}  " + shares_line(hit))


def shares_line(hit: Hit) -> str:
    """ "score 0.41 = +0.30 target_caption −0.05 forbidden:red apple …", largest share first."""
    parts = sorted(hit.shares.items(), key=lambda item: -abs(item[1]))
    return f"{hit.score:.4f} = " + "  ".join(
        f"{share:+.4f} {one_line(name)}" for name, share in parts
    )


def explain_trace(trace: Trace) -> None:
    """Caption, reasoning, target caption, lists and weights, on stderr."""
    intent = trace.intent
    lines = [
        ("caption", trace.description.caption),
        ("modification", trace.query.modification),
        ("reasoning", intent.reasoning),
        ("target caption", intent.target_caption),
        ("desired", "; ".join(intent.desired)),
        ("preserved", "; ".join(intent.preserved)),
        ("forbidden", "; ".join(intent.forbidden)),
        ("fallback", intent.fallback),
    ]
    for name, text in lines:
        if text:
            say(f"{name:>15}: {text}")
    for grain in trace.grains:
        say(f"{'grain':>15}: {grain.weight:+.3f} {grain.name}")
    seconds = ", ".join(f"{stage} {value:.2f}" for stage, value in trace.seconds.items())
    if seconds:
        say(f"{'seconds':>15}: {seconds}")


def copy_hits(trace: Trace, folder: Path) -> None:
    """Copy the hits' files into ``folder``, the rank first in the name. Raises InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pairs = [
            (Path(hit.path), folder / f"{hit.rank:03d}-{Path(hit.path).name}")
            for hit in trace.ranking.hits
        ]
        new = [(source, place) for source, place in pairs if not _is_copy(source, place)]
        for _, place in new:
            if os.path.lexists(place):
                raise InputError(
                    f"{place} is there already and is another file", "name a new folder"
                )
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


def preview(trace: Trace) -> None:
    """Show reference and hits inside a terminal that can; say so where it cannot."""
    from pipeline.report.terminal import detect_terminal, preview_sequence

    terminal = detect_terminal(os.environ)
    if terminal is None or not sys.stderr.isatty():
        say(
            "--preview: this terminal shows no pictures (kitty and iTerm2 do); try --report out.html"
        )
        return
    for hit in trace.ranking.hits:
        sys.stderr.write(f"{hit.rank}. {one_line(hit.path)}\n")
        sys.stderr.flush()
        sys.stderr.buffer.write(preview_sequence(Path(hit.path), terminal) + b"\n")
        sys.stderr.flush()
