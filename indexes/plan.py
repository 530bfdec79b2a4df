"""What a build knows of each file: settled unread, or still to do; then the new rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from .contract import EncoderId
from .errors import Problem
from .items import Item
from .journal import Journal, Place, Stamp
from .manifest import Failed
from .scan import File, Scan
from .shards import check_shards, take_rows
from .videos import named
from .writing import Content

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .store import Index

PREVIOUS = -1  # the batch number that stands for the previous index


@dataclass
class Plan:
    """The files of a build: ``settled`` with their content hash, ``failed``, or ``todo``."""

    previous: Index | None
    journal: Journal | None
    before: tuple[Item, ...] = ()
    donors: tuple[Index, ...] = ()
    todo: list[File] = field(default_factory=list)
    settled: list[tuple[File, str]] = field(default_factory=list)
    failed: list[tuple[Failed, bool]] = field(default_factory=list)  # and whether to remember it
    places: dict[str, Place] = field(default_factory=dict)
    reused: int = 0
    resumed: int = 0

    def known(self, content_hash: str) -> bool:
        """Whether a vector of this content exists. Called from threads."""
        written = self.journal.places if self.journal else {}
        return content_hash in self.places or content_hash in written

    def keep(self, vectors: NDArray[Any], entries: Sequence[tuple[str, Stamp]]) -> None:
        """Write one encoded batch to the journal: (n, d) rows, content hash and stamp of each."""
        self._written().add(vectors, entries)

    def _written(self) -> Journal:
        """The journal of a plan that is carried out. ``ValueError`` for one that only looks."""
        if self.journal is None:
            raise ValueError("a plan without a journal cannot be carried out")
        return self.journal

    def fail(self, found: File, reason: str, lasting: bool) -> None:
        """Name ``found`` as no usable picture."""
        failed = Failed(found.path, found.size, found.mtime_ns, reason, found.ctime_ns, found.inode)
        self.failed.append((failed, lasting))

    def problems(self) -> tuple[Problem, ...]:
        """(path, reason) of every failed file, by path; a video once, however many of its frames fail."""
        return named([Problem(f.path, f.reason) for f, _ in self.failed])

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
        self, encoder: EncoderId, dimension: int, dtype: str, roots: tuple[str, ...], found: Scan
    ) -> Content:
        """The new rows, by id. Raises ``IndexDamaged`` if old rows it needs were changed."""
        items = self.items()
        places = [self._place(digest) for _, digest in self.settled]
        same = [digest for _, digest in self.settled] == [i.content_hash for i in self.before]
        if self.previous and not same:
            check_shards(self.previous.folder, self.previous.manifest)
        for batch in {place.batch for place in places if place.batch < PREVIOUS}:
            donor = self.donors[PREVIOUS - batch - 1]
            check_shards(donor.folder, donor.manifest)
        return Content(
            encoder=encoder,
            dimension=dimension,
            dtype=dtype,
            items=items,
            failed=self.remembered(),
            roots=roots,
            gather=lambda start, stop: self._gather(places[start:stop], dimension, dtype),
            kept=self.previous.manifest if self.previous and same else None,
            unread=self.unread(found),
            left_out=found.left_out,
            videos=found.videos,
        )

    def items(self) -> list[Item]:
        """The next items, by id; captions stay with their contents."""
        captions = {i.content_hash: i.caption for i in self.before if i.caption is not None}
        self.settled.sort(key=lambda pair: pair[0].id)
        return [
            Item(row, f.id, f.path, digest, captions.get(digest), f.size, f.mtime_ns, f.ctime_ns, f.inode)
            for row, (f, digest) in enumerate(self.settled)
        ]

    def remembered(self) -> tuple[Failed, ...]:
        """The failed files that need not be tried again, by path."""
        return tuple(sorted((f for f, keep in self.failed if keep), key=lambda f: f.path))

    def unread(self, found: Scan) -> tuple[Problem, ...]:
        """(path, reason) of what failed and is tried again each time."""
        again = [Problem(failed.path, failed.reason) for failed, keep in self.failed if not keep]
        return tuple(sorted((*again, *found.problems)))

    def is_current(self, roots: tuple[str, ...]) -> bool:
        """Whether the previous index holds the very items that this plan would write.

        What the index does not know of a file (see ``journal.Stamp``) makes no difference.
        """
        if self.previous is None or self.todo:
            return False
        manifest, remembered, items = self.previous.manifest, self.remembered(), self.items()
        return (
            manifest.roots == roots
            and len(manifest.failed) == len(remembered)
            and all(map(_same_failure, manifest.failed, remembered))
            and len(self.before) == len(items)
            and all(map(_same_item, self.before, items))
        )

    def is_exact(self, roots: tuple[str, ...], found: Scan) -> bool:
        """Whether the previous index is what this plan would write, to the last letter."""
        if self.previous is None or self.todo:
            return False
        manifest = self.previous.manifest
        written = (manifest.roots, manifest.failed, manifest.unread, manifest.left_out, manifest.videos)
        now = (roots, self.remembered(), self.unread(found), found.left_out, found.videos)
        return written == now and tuple(self.items()) == self.before

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
            elif batch < PREVIOUS:
                donor = self.donors[PREVIOUS - int(batch) - 1]
                rows[here] = take_rows(donor.vectors(), wanted[here, 1])
            else:
                rows[here] = self._written().vectors(int(batch))[wanted[here, 1]]
        return rows


def _same_item(known: Item, now: Item) -> bool:
    return (known.row, known.id, known.content_hash, known.caption) == (
        now.row,
        now.id,
        now.content_hash,
        now.caption,
    ) and Stamp.of(known).fits(Stamp.of(now), inodes=False)


def _same_failure(known: Failed, now: Failed) -> bool:
    return known.reason == now.reason and Stamp.of(known).fits(Stamp.of(now), inodes=False)


def make_plan(
    files: Sequence[File],
    previous: Index | None,
    journal: Journal | None = None,
    *,
    donors: Sequence[Index] = (),
    reread: bool = False,
) -> Plan:
    """Settle what the previous index, the journal or ``donors`` know by the stamps of files.

    Donors are other indexes by the same encoder. With ``reread`` no stamp is trusted, and contents
    decide. Without a journal nothing is written, and the plan only shows what there is to do.
    """
    before = tuple(previous.all_items()) if previous else ()
    plan = Plan(previous, journal, before, tuple(donors))
    known: dict[tuple[str, int, int], Item] = {}
    for batch, items in enumerate((before, *(donor.all_items() for donor in donors))):
        for item in items:
            # equal contents share the lowest row
            plan.places.setdefault(item.content_hash, Place(PREVIOUS - batch, item.row))
            known.setdefault((item.path, item.size, item.mtime_ns), item)
    bad = {Stamp.of(f).key: f for f in (previous.manifest.failed if previous else ())}

    @cache
    def renumbered() -> bool:
        return _renumbered(files, known)

    def same(earlier: Item | Failed | None, now: File) -> bool:
        if earlier is None or reread:
            return False
        if (earlier.ctime_ns, earlier.inode) == (now.ctime_ns, now.inode):
            return True
        stamps = Stamp.of(earlier), Stamp.of(now)
        return stamps[0].fits(stamps[1]) or (stamps[0].fits(stamps[1], inodes=False) and renumbered())

    for found in files:
        key = (found.path, found.size, found.mtime_ns)
        written, content = journal.hashes.get(key, (None, "")) if journal else (None, "")
        if same(known.get(key), found):
            plan.settled.append((found, known[key].content_hash))
            plan.reused += 1
        elif same(bad.get(key), found):
            plan.fail(found, bad[key].reason, True)
        elif written and written.fits(Stamp.of(found)):
            plan.settled.append((found, content))
            plan.resumed += 1
        else:
            plan.todo.append(found)
    return plan


def _renumbered(files: Sequence[File], known: Mapping[tuple[str, int, int], Item]) -> bool:
    """Whether the file system numbers all files anew, as some drives do each time they are mounted."""
    pairs = [
        (known[stamp.key].inode, stamp.inode)
        for stamp in map(Stamp.of, files)
        if stamp.key in known and Stamp.of(known[stamp.key]).fits(stamp, inodes=False)
    ]
    return len(pairs) > 1 and all(before and before != now for before, now in pairs)
