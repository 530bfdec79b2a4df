"""Files of JSON lines, read in one way everywhere: UTF-8, with or without a mark at its start.

A line ends at a line feed and nowhere else: JSON may hold other characters that Python takes for the
end of a line (U+2028, U+0085, form feeds) within its texts.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..errors import InputError


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
