"""The dialogue of a session on disk: one file, and a line for every step that was taken since.

::

    dialogue.json   as `Session.save` writes it
    later.jsonl     {"of": SHA-256 of dialogue.json}, then a line a step: how many turns stay, the
                    turns that follow them, and what is looked at

So a step costs no more in a long session than in a short one. What a killed process left half of a line
counts for nothing, and so do lines that belong to another dialogue.json. That is written anew before
its lines outgrow it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..machine.outputs import write_at_once
from ..records.dialogue import Dialogue, read, to_json
from .quick_json import quick_json
from .turn_texts import TurnText, staying, texts_of

FEW = 256 * 1024  # bytes of lines that a short dialogue may have
Stamp = tuple[int, int]  # when dialogue.json was written in ns, and the bytes of later.jsonl


@dataclass(frozen=True)
class Kept:
    """A dialogue as its files have it, and the JSON of its turns.

    ``size`` and ``hashed`` are of dialogue.json; lines can follow it only if it is ``whole``.
    """

    stamp: Stamp
    dialogue: Dialogue
    texts: Sequence[TurnText]
    size: int
    hashed: str
    whole: bool = True


def stamp_of(folder: Path) -> Stamp | None:
    """What changes whenever the dialogue in a folder does; None where there is none."""
    try:
        written = os.stat(f"{folder}/dialogue.json").st_mtime_ns
    except FileNotFoundError:
        return None
    with suppress(FileNotFoundError):
        return written, os.stat(f"{folder}/later.jsonl").st_size
    return written, 0


def read_kept(folder: Path, stamp: Stamp) -> Kept:
    """The dialogue in a folder of that stamp. Raises InputError for a damaged one."""
    data = (folder / "dialogue.json").read_bytes()
    hashed = sha256(data).hexdigest()
    lines, whole = _lines(folder, hashed) if stamp[1] else ([], True)
    dialogue = read(folder / "dialogue.json", lines)
    return Kept(stamp, dialogue, texts_of(dialogue.turns, ()), len(data), hashed, whole)


def write_kept(folder: Path, dialogue: Dialogue, before: Kept | None) -> Kept:
    """Write a dialogue, whole or as it was ``before``; a line where that is enough. Raises OSError."""
    texts = texts_of(dialogue.turns, before.texts if before else ())
    if before and before.whole and stamp_of(folder) == before.stamp:
        line = _line(dialogue, texts, before)
        if before.stamp[1] + len(line) <= max(FEW, before.size) and _appended(folder, line):
            stamp = before.stamp[0], before.stamp[1] + len(line)
            return Kept(stamp, dialogue, texts, before.size, before.hashed)
    data = _text(to_json(replace(dialogue, turns=())), texts)
    written = write_at_once(folder / "dialogue.json", data)
    (folder / "later.jsonl").unlink(missing_ok=True)
    return Kept((written, 0), dialogue, texts, len(data), sha256(data).hexdigest())


def _line(dialogue: Dialogue, texts: Sequence[TurnText], before: Kept) -> bytes:
    """What a step adds to later.jsonl, the first of them with its first line."""
    stay = staying(dialogue.turns, before.texts)
    record = {"stay": stay, "at": dialogue.at, "picked": dialogue.picked, "turns": []}
    line = _text(record, texts[stay:])
    return line if before.stamp[1] else b"%s\n%s" % (quick_json({"of": before.hashed}), line)


def _text(record: Mapping[str, Any], texts: Sequence[TurnText]) -> bytes:
    """A line of JSON: the record, whose turns, the last in it, are the texts."""
    return b"%s%s]}\n" % (quick_json(record).removesuffix(b"]}"), b",".join(one.text for one in texts))


def _appended(folder: Path, line: bytes) -> bool:
    """Whether all of a line found room."""
    file = os.open(folder / "later.jsonl", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o666)
    try:
        return os.write(file, line) == len(line)
    except OSError:
        return False  # whatever is wrong is wrong for the whole file, too, and told there
    finally:
        os.close(file)


def _lines(folder: Path, hashed: str) -> tuple[list[Any], bool]:
    """The steps that follow a dialogue.json of that hash, and whether there is nothing else."""
    found: list[Any] = []
    *lines, rest = (folder / "later.jsonl").read_bytes().split(b"\n")
    with suppress(ValueError):
        if not lines or json.loads(lines[0]) != {"of": hashed}:
            return [], False
        for line in lines[1:]:
            found.append(json.loads(line))
        return found, not rest
    return found, False
