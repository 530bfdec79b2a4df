"""The caption side of an index: what is said about each picture, row for row, beside the pictures.

It lies in ``captions/`` of the index folder and is an index of the same form: the same items, with
their captions; a row is the mean of the unit vectors of the item's captions, or zeros without one.
It is written after the picture side and apart from it. Both manifests hold the hash of their ids and
contents: a caption side of other rows is noticed, and realigned without encoding anything, because
captions belong to contents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .beside import SIDE, earlier_side
from .captions import Key, as_lines
from .contract import OF_CAPTIONS, EncoderId
from .errors import GalleryError, IndexDamaged, IndexMissing, side_damaged
from .files import disk_errors
from .lock import write_lock
from .realigning import realign_forms
from .shards import check_shards
from .side_rows import Rows
from .store import Index
from .stored import Stored
from .writing import Content, write_index

if TYPE_CHECKING:
    from .captions import TextEncoder
    from .items import Item


@dataclass(frozen=True)
class SideReport:
    """``items`` rows, ``captioned`` of them with captions, ``encoded`` of these now."""

    items: int
    captioned: int
    encoded: int


def write_side(
    folder: Path,
    captions: Mapping[Key, Sequence[str]],
    encoder: TextEncoder,
    *,
    source: str,
    anew: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> SideReport:
    """Give items these captions; the others keep theirs, unless all are made ``anew``.

    ``source`` says where these captions come from. What is encoded already is not encoded again. A
    side that is damaged is moved aside.
    Raises ``IndexIncompatible`` where ``encoder`` did not make the pictures' vectors,
    ``GalleryError`` where no item has a caption, ``IndexDamaged`` or ``DiskFull``;
    both sides are then as they were.
    """
    from .rescue import usable_side

    with disk_errors(folder), write_lock(folder):
        pictures = Index.open(folder, encoder.fingerprint)
        old, kept = usable_side(folder)
        merge = _Merge(pictures, old, captions if anew else {**kept, **captions}, anew)
        if not any(item.caption for item in merge.items):
            raise GalleryError(f"no item of {folder} has a caption")
        identity = EncoderId(encoder.name, encoder.fingerprint, OF_CAPTIONS)
        before = merge.old.manifest.source if merge.old and not anew else ""
        sources = dict.fromkeys(part for part in (*before.split("; "), source) if part)
        report = merge.write(identity, encoder, "; ".join(sources), on_progress)
        realign_forms(folder)
        return report


def align(folder: Path) -> Stored | None:
    """The caption side in ``folder``, brought to the rows of the pictures first.

    None without one, or where it is damaged. Raises ``DiskFull``.
    """
    if is_behind(folder):
        with disk_errors(folder), write_lock(folder):
            realign(folder)
            realign_forms(folder)
    with suppress(IndexDamaged):
        return earlier_side(folder)
    return None


def is_behind(folder: Path) -> bool:
    """Whether there is a caption side of other rows than the pictures. Damage is not judged here."""
    with suppress(IndexDamaged, IndexMissing):
        old = earlier_side(folder)
        return old is not None and old.rows_sha256 != Index.open(folder).rows_sha256
    return False


def realign(folder: Path) -> None:
    """Bring the caption side to the rows of the pictures; needs no encoder. Called under the lock.

    Captions stay with their content. A side that is damaged is left for the one who opens it.
    """
    with suppress(IndexDamaged):
        old = earlier_side(folder)
        if old is None:
            return
        pictures = Index.open(folder)
        if old.rows_sha256 != pictures.rows_sha256:
            merge = _Merge(pictures, old, {}, False)
            merge.write(old.manifest.encoder, None, old.manifest.source, None)


class _Merge:
    """The next caption side: the items of ``pictures``, with new captions or those of ``old``."""

    def __init__(
        self, pictures: Index, old: Stored | None, captions: Mapping[Key, Sequence[str]], anew: bool
    ) -> None:
        self.pictures, self.old = pictures, old
        self.before = list(old.all_items()) if old else []
        self.by_key: dict[Key, Item] = {(i.id, i.content_hash): i for i in self.before}
        self.by_content = {i.content_hash: i for i in reversed(self.before) if i.caption}
        self.items = [
            replace(item, caption=self._caption(item, captions, anew)) for item in pictures.all_items()
        ]

    def _caption(self, item: Item, captions: Mapping[Key, Sequence[str]], anew: bool) -> str | None:
        new = as_lines(captions.get((item.id, item.content_hash), ()))
        kept = None if anew else self._kept(item)
        return new or (kept.caption if kept else None)

    def _kept(self, item: Item) -> Item | None:
        """The old item that ``item`` was: itself, or, under a new name, one of its content."""
        return self.by_key.get((item.id, item.content_hash)) or self.by_content.get(item.content_hash)

    def write(
        self,
        identity: EncoderId,
        encoder: TextEncoder | None,
        source: str,
        on_progress: Callable[[int, int], None] | None,
    ) -> SideReport:
        """Write what changed; without ``encoder`` every caption must be an old one."""
        old = self.old
        places = self._places(identity)
        todo = [row for row, place in enumerate(places) if place < 0 and self.items[row].caption]
        captioned = sum(bool(item.caption) for item in self.items)
        report = SideReport(len(self.items), captioned, len(todo))
        if (
            old
            and self.before == self.items
            and (old.manifest.encoder, old.manifest.source) == (identity, source)
        ):
            return report
        if old and max(places, default=-1) >= 0:
            try:
                check_shards(old.folder, old.manifest)
            except IndexDamaged as error:
                raise side_damaged(self.pictures.folder, error) from error
        dimension = encoder.dimension if encoder else old.dimension if old else 0
        gather = Rows(self.items, places, old, encoder, dimension, on_progress)
        dtype = self.pictures.manifest.dtype
        content = Content(identity, dimension, dtype, self.items, (), (), gather, source=source)
        (self.pictures.folder / SIDE).mkdir(exist_ok=True)
        write_index(self.pictures.folder / SIDE, content)
        return report

    def _places(self, identity: EncoderId) -> list[int]:
        """The old row that holds each item's vector, or -1."""
        if self.old is None or self.old.manifest.encoder.fingerprint != identity.fingerprint:
            return [-1] * len(self.items)
        places = []
        for item in self.items:
            kept = self._kept(item)
            places.append(kept.row if kept and kept.caption == item.caption else -1)
        return places
