"""What a benchmark is: cases over a gallery, and the protocol that says what counts as right."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Protocol:
    """The named, versioned rules of a score; printed with it and stored with it.

    With ``own_galleries`` every case is ranked over its ``subset`` alone.
    """

    name: str
    version: int
    gallery: str
    exclude_reference: bool
    modification: str
    correct: str
    metrics: tuple[str, ...]
    own_galleries: bool = False

    def to_json(self) -> dict[str, Any]:
        """A plain record."""
        return {**asdict(self), "metrics": list(self.metrics)}

    @property
    def metric(self) -> str:
        """The one that counts where nobody names one: mAP@10, Recall@10, or the first."""
        near = [name for name in ("mAP@10", "Recall@10") if name in self.metrics]
        return [*near, *self.metrics][0]

    @property
    def title(self) -> str:
        """For example "circo/val v1"."""
        return f"{self.name} v{self.version}"


@dataclass(frozen=True)
class Item:
    """One picture of the gallery: the benchmark's own id, its file, and the part of it (x, y, w, h)."""

    id: str
    path: Path
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Case:
    """One labelled query.

    ``targets``: Recall counts a hit on any of them. ``correct``: all ground truths, for mAP.
    ``subset``: the few candidates of a subset metric, without the reference. Test splits have no
    targets. ``wordings`` say the modification otherwise, ``history`` are the sentences before it; see
    `Query`. Cases of one ``group`` are the rounds of one dialogue, ``turn`` counts them from 0.
    """

    id: str
    reference: str
    modification: str
    targets: tuple[str, ...] = ()
    correct: tuple[str, ...] = ()
    subset: tuple[str, ...] = ()
    aspects: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    group: str = ""
    turn: int = 0


@dataclass(frozen=True)
class Benchmark:
    """Cases, gallery and protocol of one split; ``missing`` names pictures that were not found."""

    name: str
    split: str
    protocol: Protocol
    cases: tuple[Case, ...]
    items: tuple[Item, ...]
    missing: tuple[str, ...] = ()
    dropped: tuple[str, ...] = field(default=())

    @property
    def labelled(self) -> bool:
        """Whether the targets are known."""
        return any(case.targets for case in self.cases)


class SubmissionFile(NamedTuple):
    """One file that a server takes: of rankings or of ``subset`` rankings, so many places a query."""

    name: str
    places: int
    subset: bool = False
    header: tuple[tuple[str, str], ...] = ()


class SubmissionServer(NamedTuple):
    """What a server takes; ``numbers``: pictures are numbers, and queries are numbered from 0."""

    files: tuple[SubmissionFile, ...]
    numbers: bool = False
    most_bytes: int = 0
