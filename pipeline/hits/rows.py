"""Hits as rows: what tables, CSV and lists of paths hold, the same in a terminal and from a server."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...indexes.remote import as_address
from ...indexes.videos import file_of, frame_of, told, without_number
from ..machine.spelling import as_typed
from ..records.trace import Hit, Trace

LINK = "link"  # the key of a row under which its path has a URL; never a column
COLUMNS = ("rank", "score", "path")
MORE = ("judged", "was", "alike")  # where rows have them


def hit_rows(
    trace: Trace, folders: Path | Sequence[Path] | None = None, *, links: bool = False, files: bool = False
) -> list[dict[str, Any]]:
    """One row per hit; paths below ``folders`` as they were typed, ``links`` beside them.

    Of a frame the path says the moment, but where ``files`` are wanted.
    """
    rows = []
    for hit in trace.ranking.hits:
        path = as_typed(file_of(hit.path) if files else hit.path, folders) if hit.path else hit.id
        row: dict[str, Any] = {"rank": hit.rank, "score": round(hit.score, 6), "path": path}
        if links and hit.path:
            file = file_of(hit.path)
            row[LINK] = as_address(file) or Path(file).absolute().as_uri()
        if trace.judgements:
            row["judged"], row["was"] = hit.judged, hit.before
        if any(one.alike for one in trace.ranking.hits):
            row["alike"] = len(hit.alike)
        rows.append(row)
    return rows


def called(hit: Hit) -> str:
    """The id of a hit; of a frame that of its video, with the moment."""
    if not frame_of(hit.path):
        return hit.id
    return without_number(hit.id) + "#" + told(hit.path).rpartition("#")[2]


def columns_of(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The columns of rows of hits."""
    return (*COLUMNS, *(name for name in MORE if rows and name in rows[0]))


def csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV, with a head."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()
