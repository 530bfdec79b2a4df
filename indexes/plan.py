"""What a build knows of each file: settled unread, or still to do; then the new rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from indexes.errors import readable
from indexes.items import Item
from indexes.journal import Journal, Place, Stamp
from indexes.maintain import check_shards, take_rows
from indexes.manifest import EncoderId, Failed
from indexes.scan import Found
from indexes.writing import Content

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexes.store import Index

PREVIOUS = -1  # the batch number that stands for the previous index


@dataclass
class Plan:
    """The files of a build: ``settled`` with their content hash, ``failed``, or ``todo``."""

    previous: Index | None
    journal: Journal | None
    before: tuple[Item, ...] = ()
    todo: list[Found] = field(default_factory=list)
    settled: list[tuple[Found, str]] = field(default_factory=list)
    failed: list[tuple[Failed, bool]] = field(default_factory=list)  # and whether to remember it
    places: dict[str, Place] = field(default_factory=dict)
    reused: int = 0
    resumed: int = 0

    def known(self, content_hash: str) -> bool:
        """Whether a vector of this content exists. Called from threads."""
        return content_hash in self.places or content_hash in self._written().places

    def keep(self, vectors: NDArray[Any], entries: Sequence[tuple[str, Stamp]]) -> None:
        """Write one encoded batch to the journal: (n, d) rows, content hash and stamp of each."""
        self._written().add(vectors, entries)

    def _written(self) -> Journal:
        """The journal of a plan that is carried out. ``ValueError`` for one that only looks."""
        if self.journal is None:
            raise ValueError("a plan without a journal cannot be carried out")
        return self.journal

    def fail(self, found: Found, reason: str, lasting: bool) -> None:
        """Name ``found`` as no usable picture."""
        failed = Failed(found.path, found.size, found.mtime_ns, reason)
        self.failed.append((failed, lasting))

    def problems(self) -> tuple[tuple[str, str], ...]:
        """(path, reason) of every failed file, by path."""
        return tuple(sorted((readable(f.path), f.reason) for f, _ in self.failed))

    def counts(self) -> dict[str, int]:
        """How many items were reused, renamed, removed, duplicates, resumed."""
        now = {found.path for found, _ in self.settled}
        old = {item.path for item in self.before}
        gone = Counter(item.content_hash for item in self.before if item.path not in now)
        arrived = Counter(digest for found, digest in self.settled if found.path not in old)
        renamed = (gone & arrived).total()
        return {
            "reused": self.reused,
            "renamed": renamed,
            "removed": gone.total() - renamed,
            "duplicates": len(self.settled) - len({digest for _, digest in self.settled}),
            "resumed": self.resumed,
        }

    def content(
        self, encoder: EncoderId, dimension: int, dtype: str, roots: tuple[str, ...]
    ) -> Content:
        """The new rows, by id. Raises ``IndexDamaged`` if old rows it needs were changed."""
        items = self.items()
        places = [self._place(digest) for _, digest in self.settled]
        same = [digest for _, digest in self.settled] == [i.content_hash for i in self.before]
        if self.previous and not same:
            check_shards(self.previous)
        return Content(
            encoder=encoder,
            dimension=dimension,
            dtype=dtype,
            items=items,
            failed=self.remembered(),
            roots=roots,
            gather=lambda start, stop: self._gather(places[start:stop], dimension, dtype),
            kept=self.previous.manifest if self.previous and same else None,
        )

    def items(self) -> list[Item]:
        """The next items, by id; captions stay with their contents."""
        captions = {i.content_hash: i.caption for i in self.before if i.caption is not None}
        self.settled.sort(key=lambda pair: pair[0].id)
        return [
            Item(row, f.id, f.path, digest, captions.get(digest), f.size, f.mtime_ns)
            for row, (f, digest) in enumerate(self.settled)
        ]

    def remembered(self) -> tuple[Failed, ...]:
        """The failed files that need not be tried again, by path."""
        return tuple(sorted((f for f, keep in self.failed if keep), key=lambda f: f.path))

    def is_current(self, roots: tuple[str, ...]) -> bool:
        """Whether the previous index is already what this plan would write, to the last item."""
        if self.previous is None or self.todo:
            return False
        manifest = self.previous.manifest
        return (
            manifest.roots == roots
            and manifest.failed == self.remembered()
            and tuple(self.items()) == self.before
        )

    def _place(self, content_hash: str) -> Place:
        return self.places.get(content_hash) or self._written().places[content_hash]

    def _gather(self, places: Sequence[Place], dimension: int, dtype: str) -> NDArray[Any]:
        import numpy as np

        wanted = np.array(places, np.int64).reshape(-1, 2)
        rows = np.empty((len(places), dimension), dtype)
        for batch in np.unique(wanted[:, 0]):
            here = np.flatnonzero(wanted[:, 0] == batch)
            if batch == PREVIOUS and self.previous:
                rows[here] = take_rows(self.previous.vectors(), wanted[here, 1])
            else:
                rows[here] = self._written().vectors(int(batch))[wanted[here, 1]]
        return rows


def make_plan(
    files: Sequence[Found], previous: Index | None, journal: Journal | None = None
) -> Plan:
    """Settle what the previous index or the journal knows by path, size and mtime.

    Without a journal nothing is written, and the plan only shows what there is to do.
    """
    before = tuple(previous.all_items()) if previous else ()
    plan = Plan(previous, journal, before)
    for item in before:
        # equal contents share the lowest row
        plan.places.setdefault(item.content_hash, Place(PREVIOUS, item.row))
    by_stamp = {Stamp(i.path, i.size, i.mtime_ns): i.content_hash for i in before}
    bad = {
        Stamp(f.path, f.size, f.mtime_ns): f for f in (previous.manifest.failed if previous else ())
    }
    for found in files:
        stamp = Stamp.of(found)
        if stamp in by_stamp:
            plan.settled.append((found, by_stamp[stamp]))
            plan.reused += 1
        elif stamp in bad:
            plan.fail(found, bad[stamp].reason, True)
        elif journal and stamp in journal.hashes:
            plan.settled.append((found, journal.hashes[stamp]))
            plan.resumed += 1
        else:
            plan.todo.append(found)
    return plan
