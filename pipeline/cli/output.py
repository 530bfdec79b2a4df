"""What a person sees: data on stdout in five formats, talk and progress on stderr."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

# Of rows as JSON. It grows when a field is renamed, moved or means something else.
ROWS_VERSION = 1


class Format(StrEnum):
    """How results are written to stdout."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    paths = "paths"


def say(text: str) -> None:
    """One line of talk on stderr."""
    print(one_line(text), file=sys.stderr)


class _Notices(logging.Handler):
    """What the parts below tell a person, such as that another process is waited for."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        say(record.getMessage())


def hear_notices() -> None:
    """Say on stderr what the parts log; once however often it is called."""
    log = logging.getLogger("likebut")
    if not any(isinstance(handler, _Notices) for handler in log.handlers):
        log.addHandler(_Notices())
    log.propagate = False  # packages that set logging up would say it once more


def say_error(message: str, hint: str = "") -> None:
    """One line: what went wrong, where, and what to do."""
    say(f"error: {message}" + (f" — {hint}" if hint else ""))


def one_line(text: str) -> str:
    """Text with its control characters shown, so that a file name cannot break the line."""
    return "".join(
        c if c.isprintable() or _is_escape(c) else c.encode("unicode_escape").decode() for c in text
    )


def _is_escape(character: str) -> bool:
    return "\udc80" <= character <= "\udcff"


def write_rows(rows: Sequence[Mapping[str, Any]], form: Format, columns: Sequence[str] = ()) -> None:
    """Write ``rows`` to stdout; ``columns`` chooses and orders what a table or CSV shows.

    In JSON every row says its ``schema_version``.
    """
    columns = columns or (list(rows[0]) if rows else [])
    if form is Format.json:
        print(json.dumps([_versioned(row) for row in rows], indent=2, ensure_ascii=True))
    elif form is Format.jsonl:
        for row in rows:
            print(json.dumps(_versioned(row), ensure_ascii=True))
    elif form is Format.csv:
        from ..hits.rows import csv_text

        print(csv_text(rows, columns), end="")
    elif form is Format.paths:
        for row in rows:
            print(row.get("path") or row.get("name", ""))
    else:
        write_table(rows, columns)


def _versioned(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"schema_version": ROWS_VERSION, **row}


def write_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A plain table on stdout, numbers to the right."""
    if columns and not _is_styled():
        _write_plain(rows, columns)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = all(isinstance(row.get(column), int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column)), _style(row, column)) for column in columns))
    console = Console(soft_wrap=False)
    if not console.is_terminal:
        console = Console(width=max(_width(rows, columns), 40))
    console.print(table)


def _is_styled() -> bool:
    """Whether stdout is a terminal, or is to be taken for one, as rich sees it."""
    return sys.stdout.isatty() or bool(os.environ.keys() & {"FORCE_COLOR", "TTY_COMPATIBLE"})


def _write_plain(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """What rich writes into a pipe, without the time that importing it takes: as wide as it needs to be."""
    cells = [list(columns), *([_cell(row.get(column)) for column in columns] for row in rows)]
    right = [all(isinstance(row.get(column), int | float) for row in rows) for column in columns]
    wide = [max(_length(line[n]) for line in cells) for n in range(len(columns))]
    for line in cells:
        padded = []
        for cell, width, numeric in zip(line, wide, right, strict=True):
            space = " " * (width - _length(cell))
            padded.append(space + cell if numeric else cell + space)
        print("  ".join(padded))


def _length(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _style(row: Mapping[str, Any], column: str) -> str:
    """The link of a path, where its row has one."""
    from ..hits.rows import LINK

    return f"link {row[LINK]}" if column == "path" and LINK in row else ""


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    return one_line(str(value)).encode(errors="backslashreplace").decode()


def _width(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> int:
    """Wide enough that a table in a pipe is never wrapped."""
    return sum(
        max([len(column), *(2 * len(_cell(row.get(column))) for row in rows)]) + 2 for column in columns
    )


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr: only in a terminal, and only past two seconds."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(title, total=None)
    started = time.monotonic()

    def advance(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)
        if not bar.live.is_started and time.monotonic() - started > 2:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()
