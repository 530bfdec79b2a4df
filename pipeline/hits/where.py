"""Conditions on the files of a gallery: `--where path=2024/*`, `date>=2024-05`, `size<2MB`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ...indexes.videos import without_number
from ..errors import ConfigError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...indexes.contract import Gallery
    from ...indexes.milvus.gallery import Remote

_FORM = re.compile(r"\s*(path|date|size)\s*(>=|<=|!=|=|<|>)\s*(.*?)\s*", re.DOTALL)
_EXAMPLES = "for example --where 'path=2024/*', 'date>=2024-05' or 'size<2MB'"
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMG]?)(i?)B?", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?")
Numbers = tuple[tuple[int, int], Callable[[int], bool]]  # what is meant, and its test
_COLUMNS = {"path": "id", "date": "mtime_ns", "size": "size"}


@dataclass(frozen=True)
class Condition:
    """One condition: the column of an item that it looks at, and what it says of a value there."""

    text: str
    field: str
    holds: Callable[[Any], bool]
    sign: str
    value: str | tuple[int, int]  # a glob, or from where to below where

    @property
    def column(self) -> str:
        """The column of the item table."""
        return _COLUMNS[self.field]


def read_condition(text: str) -> Condition:
    """A condition. A path is a glob on the id or the name of a file; a date is a year, month or day.

    Raises ConfigError.
    """
    match = _FORM.fullmatch(text)
    if match is None or not match[3]:
        raise ConfigError(f"--where {text!r} is no condition", _EXAMPLES)
    field, sign, value = match.groups()
    meant, test = _READERS[field](text, sign, value)
    return Condition(text, field, test, sign, meant)


def narrowed(gallery: Remote, conditions: Sequence[Condition]) -> Remote:
    """Of a gallery in Milvus what meets all conditions. Raises as `rows_outside` does."""
    from ...indexes.milvus.filters import Column

    _check_files(gallery, conditions)
    return gallery.narrowed(
        [
            Column(one.column, one.sign, glob=one.value)
            if isinstance(one.value, str)
            else Column(one.column, one.sign, "", *one.value)
            for one in conditions
        ]
    )


def rows_outside(index: Gallery, conditions: Sequence[Condition]) -> NDArray[Any]:
    """The rows of an index that do not meet all conditions, ascending.

    Raises ConfigError where the items have no files to ask about, InputError where no row is left.
    """
    import numpy as np

    _check_files(index, conditions)
    outside: list[int] = []
    row = 0
    for columns in index.columns(tuple({condition.column for condition in conditions})):
        count = len(next(iter(columns.values())))
        outside += [row + at for at in range(count) if not _meets(columns, at, conditions)]
        row += count
    if len(outside) == index.count:
        said = ", ".join(condition.text for condition in conditions)
        raise InputError(f"no picture of {index.folder} meets {said}", "loosen --where")
    return np.array(outside, np.int64)


def _check_files(index: Gallery, conditions: Sequence[Condition]) -> None:
    if index.identity.reads_captions and any(c.field != "path" for c in conditions):
        raise ConfigError(
            "--where date and size need a gallery of pictures", "this one is captions: path=…"
        )


def _meets(columns: Mapping[str, list[Any]], at: int, conditions: Sequence[Condition]) -> bool:
    return all(condition.holds(columns[condition.column][at]) for condition in conditions)


def _path(text: str, sign: str, value: str) -> tuple[str, Callable[[str], bool]]:
    if sign not in ("=", "!="):
        raise ConfigError(f"--where {text!r}: a path has no order", "path=GLOB or path!=GLOB")
    wanted = sign == "="
    return value, lambda ident: _matches(ident, value) is wanted


def _matches(ident: str, glob: str) -> bool:
    names = dict.fromkeys((ident, without_number(ident)))
    return any(fnmatchcase(n, glob) or fnmatchcase(os.path.basename(n), glob) for n in names)


def _size(text: str, sign: str, value: str) -> Numbers:
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ConfigError(f"--where {text!r}: {value!r} is no size", "for example 300kB or 2.5MiB")
    number, prefix, binary = match.groups()
    power = " kmg".index(prefix.lower() or " ")
    size = round(float(number) * (1024 if binary else 1000) ** power)
    return _ordered(sign, size, size + 1)


def _date(text: str, sign: str, value: str) -> Numbers:
    """By the time a file was changed, in local time: of a year, a month or a day."""
    match = _DATE.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        year, month, day = match.groups()
        start = datetime(int(year), int(month or 1), int(day or 1))
        if day:
            end = start + timedelta(days=1)
        else:
            last = start.year * 12 + (start.month if month else 12)
            end = datetime(last // 12, last % 12 + 1, 1)
        span = [round(moment.timestamp() * 1e9) for moment in (start, end)]
    except (ValueError, OverflowError, OSError) as problem:
        hint = "for example 2024, 2024-05 or 2024-05-17"
        raise ConfigError(f"--where {text!r}: {value!r} is no date", hint) from problem
    return _ordered(sign, *span)


def _ordered(sign: str, start: int, end: int) -> Numbers:
    """A comparison with all of [start, end)."""
    tests: dict[str, Callable[[int], bool]] = {
        "=": lambda value: start <= value < end,
        "!=": lambda value: not start <= value < end,
        "<": lambda value: value < start,
        "<=": lambda value: value < end,
        ">": lambda value: value >= end,
        ">=": lambda value: value >= start,
    }
    return (start, end), tests[sign]


_READERS: dict[str, Callable[[str, str, str], tuple[Any, Callable[[Any], bool]]]] = {
    "path": _path,
    "date": _date,
    "size": _size,
}
