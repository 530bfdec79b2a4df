"""Conditions in the language of Milvus."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import NamedTuple

from ..errors import EXIT_USAGE, GalleryError


class Column(NamedTuple):
    """What is said of one column: by a ``sign`` of a glob, or of numbers from ``low`` to below ``high``."""

    name: str
    sign: str
    glob: str = ""
    low: int = 0
    high: int = 0


def expression(conditions: Sequence[Column]) -> str:
    """All of the conditions. Raises GalleryError for a glob that Milvus cannot ask for."""
    return " and ".join(f"({_of(one)})" for one in conditions)


def without(rows: Collection[int], expression: str = "") -> str:
    """An expression, and none of these rows."""
    parts = [f"({expression})"] if expression else []
    parts += [f"row not in [{', '.join(map(str, rows))}]"] if rows else []
    return " and ".join(parts)


def text(value: str) -> str:
    """A text as it is written in an expression."""
    return json.dumps(value, ensure_ascii=False)


def _of(one: Column) -> str:
    if one.glob:
        return f"not ({_like(one)})" if one.sign == "!=" else _like(one)
    between = f"{one.name} >= {one.low} and {one.name} < {one.high}"
    return {
        "=": between,
        "!=": f"not ({between})",
        "<": f"{one.name} < {one.low}",
        "<=": f"{one.name} < {one.high}",
        ">": f"{one.name} >= {one.high}",
        ">=": f"{one.name} >= {one.low}",
    }[one.sign]


def _like(one: Column) -> str:
    """A glob of the whole text, or of what follows its last "/": as a file's or a video's name is met."""
    if set(one.glob) & set("[\\"):
        raise GalleryError(f"Milvus knows no [ and no \\ in {one.glob!r}", "use * and ? alone", EXIT_USAGE)
    meant = one.glob.replace("%", "\\%").replace("_", "\\_").replace("*", "%").replace("?", "_")
    # of a frame the id goes on behind its video's: `clip.mp4#3of8`
    ends = [meant] if meant.endswith("%") else [meant, f"{meant}#%of%"]
    globs = ends if meant.startswith("%") else [*ends, *(f"%/{end}" for end in ends)]
    return " or ".join(f"{one.name} like {text(glob)}" for glob in globs)
