"""Files of JSON lines, read and written in one way everywhere: UTF-8, with or without a mark in front.

A line ends at a line feed and nowhere else: JSON may hold other characters that Python takes for the
end of a line (U+2028, U+0085, form feeds) within its texts.

Files of our own are only ever appended to: a kill can tear the last line and nothing else.
"""

from __future__ import annotations

import json
import os
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InputError
from ..machine.outputs import replacing

_Record = TypeVar("_Record")


def read_text(path: Path, what: str = "") -> str:
    """The text of a file without the mark; ``what`` is in it, for the message of the InputError."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        words = problem.strerror if isinstance(problem, OSError) else str(problem)
        name = f"{what} in {path}" if what else str(path)
        raise InputError(f"cannot read {name}: {words}", "check the path") from problem


def split(text: str) -> list[str]:
    """The lines of a text, without their ends; the last one may be empty."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def numbered(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, each with its number, counted from 1."""
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def read_lines(path: Path, what: str = "") -> list[tuple[int, str]]:
    """The lines of a file that are not empty, each with its number. Raises InputError."""
    return list(numbered(split(read_text(path, what))))


def without_mark(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of a stream; the first without the mark that some programs put there."""
    for number, line in enumerate(lines):
        yield line.removeprefix(BOM_UTF8) if number == 0 else line


def own_lines(
    path: Path, start: bytes, read: Callable[[Any], _Record], what: str, hint: str = ""
) -> tuple[list[_Record], int]:
    """(what ``read`` makes of the JSON of every whole line, their bytes) of a file of our own.

    All its lines begin with ``start``; what a kill left of the last one is not counted, and a file
    that is not there has none. Raises InputError, which says ``what`` a line is not, for anything else.
    """
    done: list[_Record] = []
    whole = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n") and line.startswith(start[: len(line)]):
                    break
                try:
                    done.append(read(json.loads(line)))
                except (ValueError, KeyError, TypeError) as problem:
                    raise InputError(f"{path}, line {number}: not {what}", hint) from problem
                whole += len(line)
    except FileNotFoundError:
        pass
    except OSError as problem:
        raise InputError(f"cannot use {path}: {problem.strerror}", "check the place") from problem
    return done, whole


def whole_lines(path: Path) -> None:
    """Cut off the torn line that a kill may have left at the end."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        size = sum(len(line) for line in file if line.endswith(b"\n"))
        file.truncate(size)


def append(path: Path, lines: Iterable[str]) -> None:
    """Add lines and wait until they are on the disk."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def rewrite(path: Path, lines: Iterable[str]) -> None:
    """Replace all lines, or none."""
    with replacing(path) as fresh, fresh.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON, all or nothing."""
    with replacing(path) as fresh:
        fresh.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
