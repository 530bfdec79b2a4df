"""The manifest of a compressed form: of which rows it is, its files, and how well it was measured to find.

Like that of an index it holds its own checksum, is written last and replaced in one step. What a form
is of is told by the checksums of the shards: the very same vectors in the very same rows.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from .errors import IndexDamaged, IndexIncompatible, compress_command
from .files import FileEntry
from .manifest import Manifest
from .seal import MANIFEST, is_sealed, write_sealed

FOLDER = "compressed"
FORMAT_VERSION = 2
READ = (1, FORMAT_VERSION)  # the first has no codes of its lists' centres
ADVISED = 0.2  # share of rows that it was not learnt from, or that are gone, from which to learn anew


class Vectors(Protocol):
    """What a form is of: the vectors of an index, opened; see ``stored``."""

    folder: Path
    manifest: Manifest

    @property
    def count(self) -> int:
        """Number of rows."""

    @property
    def dimension(self) -> int:
        """Length of a row."""


@dataclass(frozen=True)
class Measured:
    """Recall@10 against exact search over so many queries of one kind (see ``probes``)."""

    kind: str
    queries: int
    recall: float


@dataclass(frozen=True)
class Effort:
    """How far a search looks: lists or neighbours, rows of them that are scored exactly, and of what lists
    are ranked by (see ``ranks``), what their rows being spread counts.
    """

    reach: int
    shortlist: int
    spread: float = 0.3


@dataclass(frozen=True)
class Form:
    """What the manifest of a compressed form holds, but for its own checksum.

    ``of`` is the hash of the rows (see `rows_of`), ``learnt`` the number of rows it was learnt from,
    ``gone`` how many of its places have no row any more. ``index.rows`` is the number of places,
    ``ranks.rows`` that of lists.
    """

    kind: str
    faiss: str
    of: str
    dimension: int
    learnt: int
    asked: float
    effort: Effort
    measured: tuple[Measured, ...]
    milliseconds: float
    seconds: float
    index: FileEntry
    keys: FileEntry
    rows: FileEntry
    gone: int = 0
    ranks: FileEntry | None = None
    format_version: int = FORMAT_VERSION

    def files(self) -> tuple[FileEntry, ...]:
        """Every other file of the form."""
        return self.index, self.keys, self.rows, *([self.ranks] if self.ranks else [])

    @property
    def recall(self) -> float:
        """The least over the kinds of queries."""
        return min((one.recall for one in self.measured), default=0.0)

    @property
    def changed(self) -> float:
        """Share of places that it was not learnt from, or that are gone."""
        return (self.index.rows - self.learnt + self.gone) / max(1, self.index.rows)


def rows_of(manifest: Manifest) -> str:
    """What tells the vectors of an index, row by row."""
    return hashlib.sha256("\n".join(shard.sha256 for shard in manifest.shards).encode()).hexdigest()


def write_form(folder: Path, workspace: Path, form: Form) -> None:
    """Replace the manifest in ``folder`` in one step; ``workspace`` is on the same disk."""
    write_sealed(folder, workspace, asdict(form))


def read_form(side: Path) -> Form | None:
    """The manifest of the form beside the vectors in ``side``; None where there is none.

    Raises ``IndexDamaged`` or, for a newer format, ``IndexIncompatible``.
    """
    path = side / FOLDER / MANIFEST
    hint = f"make it anew: {compress_command(side)}"
    damaged = IndexDamaged(f"the compressed form in {side / FOLDER} is damaged: {MANIFEST}", hint)
    try:
        content = json.loads(path.read_bytes().decode("ascii"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise damaged from error
    if not is_sealed(content):
        raise damaged
    version = content.get("format_version")
    if version not in READ:
        text = f"the compressed form in {side / FOLDER} has format {version}; this likebut reads"
        raise IndexIncompatible(f"{text} up to {FORMAT_VERSION}", f"update likebut, or {hint}")
    try:
        return _parse(content)
    except (KeyError, TypeError, ValueError) as error:
        raise damaged from error


def _parse(content: dict[str, Any]) -> Form:
    plain = {key: value for key, value in content.items() if key != "checksum"}
    files = {
        name: FileEntry(**plain[name]) for name in ("index", "keys", "rows", "ranks") if plain.get(name)
    }
    measured = tuple(Measured(**one) for one in plain["measured"])
    form = Form(**{**plain, **files, "measured": measured, "effort": Effort(**plain["effort"])})
    if form.keys.rows != form.index.rows or form.rows.rows != form.index.rows:
        raise ValueError("counts disagree")
    return form


def problem_of(form: Form, vectors: Vectors) -> str:
    """Why a form does not fit these vectors; empty where it does."""
    return "" if form.of == rows_of(vectors.manifest) else "belongs to earlier rows of the index"
