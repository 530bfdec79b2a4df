"""What compressed forms are, for `info`, and what is wrong with them, for `verify`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .beside import SIDE
from .compressed import open_compressed
from .errors import GalleryError, compress_command
from .files import sha256_of
from .form import ADVISED, FOLDER, problem_of, read_form
from .stored import Stored


def form_facts(folder: Path) -> dict[str, Any]:
    """Of the forms of the pictures and of their captions; nothing where there are none."""
    facts: dict[str, Any] = {}
    for side, name in ((folder, "compressed"), (folder / SIDE, "captions_compressed")):
        try:
            form = read_form(side)
            if form is None:
                continue
            why = problem_of(form, Stored.open(side))
        except GalleryError as error:
            facts[name] = error.message
            continue
        facts[name] = why or "fits the rows"
        facts[f"{name}_kind"] = form.kind
        facts[f"{name}_recall"] = form.recall
        facts[f"{name}_measured"] = {
            one.kind: f"recall@10 {one.recall:.3f} over {one.queries} queries" for one in form.measured
        }
        facts[f"{name}_looks_at"] = (
            f"reach {form.effort.reach}, {form.effort.shortlist} rows scored exactly"
        )
        facts[f"{name}_bytes"] = sum(entry.bytes for entry in form.files())
        facts[f"{name}_changed"] = f"{100 * form.changed:.1f} % of its rows are new or gone"
    return facts


def form_problems(folder: Path, pictures: list[str], captions: list[str]) -> list[str]:
    """What is wrong with the forms, a line each; of a side that is damaged itself nothing is said."""
    lines = [] if pictures else [f"{FOLDER}: {line}" for line in _problems(folder)]
    if not captions:
        lines += [f"{SIDE}/{FOLDER}: {line}" for line in _problems(folder / SIDE)]
    return lines


def form_advice(folder: Path, problems: list[str]) -> Iterator[str]:
    """What to do about it."""
    if problems:
        yield f"searches look at every row meanwhile; make it anew: {compress_command(folder)}"
        return
    for side in (folder, folder / SIDE):
        with suppress(GalleryError):
            form = read_form(side)
            if form and form.changed > ADVISED:
                yield f"the compressed form ages; learn it anew: {compress_command(folder)}"


def _problems(side: Path) -> Iterator[str]:
    try:
        form = read_form(side)
        if form is None:
            return
        changed = [e.file for e in form.files() if not _is_whole(side / FOLDER / e.file, e.sha256)]
        if changed:
            yield from (f"{name}: the checksum differs" for name in changed)
            return
        vectors = Stored.open(side)
        why = problem_of(form, vectors)
        if why:
            yield f"it {why}"
            return
        opened = open_compressed(vectors)
        named = sorted(row for row in opened.rows.tolist() if row >= 0) if opened else []
        if named != list(range(vectors.count)):
            yield "its rows are not those of the index"
    except GalleryError as error:
        yield error.message


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return sha256_of(path) == digest
    except OSError:
        return False
