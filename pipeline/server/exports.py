"""Hits taken along: the formats of the command line, and a zip of the files, written while it is sent."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ...indexes.errors import readable
from ...indexes.sink import Sink
from ...indexes.videos import file_of
from ..hits.rows import columns_of, csv_text, hit_rows
from ..records.trace import Ranking, Trace
from ..records.traces import trace_to_json
from .problems import Refused

Form = Literal["json", "csv", "paths", "zip"]
TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "paths": "text/plain; charset=utf-8",
    "zip": "application/zip",
}
_CHUNK = 1 << 18


def chosen(trace: Trace, ids: Sequence[str]) -> Trace:
    """The trace with these hits alone, with all where none is named. Raises Refused for no hit."""
    if not ids:
        return trace
    hits = {hit.id: hit for hit in trace.ranking.hits}
    lacking = [ident for ident in ids if ident not in hits]
    if lacking:
        raise Refused(422, f"no hit {lacking[0]}", "name hits of the turn that is looked at")
    wanted = set(ids)
    return replace(trace, ranking=Ranking(tuple(h for h in trace.ranking.hits if h.id in wanted)))


def text_of(trace: Trace, form: Form) -> bytes:
    """The hits in a format of text, names with bytes that are no text as they are on disk."""
    if form == "json":
        return (json.dumps(trace_to_json(trace), indent=2) + "\n").encode()
    rows = hit_rows(trace, files=form == "paths")
    text = csv_text(rows, columns_of(rows)) if form == "csv" else "".join(f"{r['path']}\n" for r in rows)
    return text.encode("utf-8", "surrogateescape")


def zipped(trace: Trace) -> Iterator[bytes]:
    """A zip of the hits' files, the rank first in their names; files that are gone are left out."""
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for hit in trace.ranking.hits:
            file = file_of(hit.path)
            name = f"{hit.rank:03d}-{_plain(os.path.basename(file))}"
            try:
                yield from _member(archive, sink, Path(file), name)
            except OSError:
                continue
    yield sink.taken()


def _member(archive: zipfile.ZipFile, sink: Sink, path: Path, name: str) -> Iterator[bytes]:
    with path.open("rb") as source:
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.external_attr = 0o644 << 16
        with archive.open(info, "w", force_zip64=True) as member:
            while data := source.read(_CHUNK):
                member.write(data)
                yield sink.taken()


def _plain(name: str) -> str:
    """A name that is no path anywhere."""
    return "".join("_" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in readable(name))
