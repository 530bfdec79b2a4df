"""The report of one or several queries: reference, sentence, chain of thought, hits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..records.trace import Trace
from .pages import write_page


def write_query_report(traces: Sequence[Trace], out: Path, *, title: str) -> Path:
    """Write one self-contained HTML file; pictures are embedded as thumbnails."""
    return write_page("query.html.j2", out, traces=traces, title=title)
