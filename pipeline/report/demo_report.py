"""The report of a demo: a table of its queries, and each query's own report below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..records.trace import Trace
from .pages import write_page


@dataclass(frozen=True)
class DemoRow:
    """One query of the demo: the paths that answer it, and the rank of the first that was found."""

    kind: str
    trace: Trace
    correct: frozenset[str]
    first_correct: int | None


DRAWN = """Each query is a drawn reference and a sentence that changes it. Queries and gallery
follow from a seed; a picture is correct when it shows the changed scene in every detail."""


def write_demo_report(rows: Sequence[DemoRow], out: Path, lead: str = DRAWN) -> Path:
    """Write one self-contained HTML file; ``lead`` says what it is about."""
    found = sum(row.first_correct is not None and row.first_correct <= 5 for row in rows)
    return write_page("demo.html.j2", out, rows=rows, found=found, lead=lead, title="likebut demo")
