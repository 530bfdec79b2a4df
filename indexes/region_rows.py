"""The rows of the next region side: taken over, newly encoded, or zeros; then written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from . import codes
from .contract import Box, EncoderId
from .errors import IndexDamaged, Problem, regions_damaged
from .journal import Place
from .manifest import Manifest, Parts
from .plan import PREVIOUS
from .regions import FOLDER
from .shards import check_files
from .writing import Content, tidy, write_index

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .journal import Journal
    from .plan import Plan
    from .regions import StoredRegions
    from .store import Index

NEW = "not encoded yet"


@dataclass(frozen=True)
class Form:
    """What the next side holds. With ``codes`` a vector is so many bytes, else numbers of ``dtype``."""

    identity: EncoderId
    kind: str
    boxes: Sequence[Box]
    codes: int
    dtype: str
    failed: Mapping[str, str] = field(default_factory=dict)  # reasons by path
    otherwise: str = NEW  # why an item has no vectors that did not fail


def places_of(regions: StoredRegions) -> dict[str, Place]:
    """Where the vectors of each content lie in a side that is there."""
    places: dict[str, Place] = {}
    for item in regions.side.all_items():
        if item.row not in regions.absent:
            places.setdefault(item.content_hash, Place(PREVIOUS, item.row))
    return places


def check_regions(regions: StoredRegions) -> None:
    """Raise ``IndexDamaged`` if a file changed: rows about to be copied get a fresh checksum."""
    manifest = regions.side.manifest
    try:
        check_files(regions.side.folder, manifest, manifest.files())
    except (IndexDamaged, OSError) as error:
        problem = error if isinstance(error, IndexDamaged) else regions.side.damaged(str(error))
        raise regions_damaged(regions.side.folder.parent, problem, kind=regions.kind) from error


def write_regions(pictures: Index, old: StoredRegions | None, plan: Plan, form: Form) -> Manifest:
    """Write the region side of ``pictures`` from what ``plan`` knows of their contents.

    What is there already is left alone. Raises ``GalleryError`` where codes cannot be learnt.
    """
    folder = pictures.folder / FOLDER
    items = [replace(item, caption=None) for item in pictures.all_items()]
    written = plan.journal.places if plan.journal else {}
    places = [plan.places.get(i.content_hash) or written.get(i.content_hash) for i in items]
    unread = tuple(
        Problem(item.id, form.failed.get(item.path, form.otherwise))
        for item, place in zip(items, places, strict=True)
        if place is None
    )
    if old and _is_same(old, pictures, places, unread, form):
        tidy(folder, old.side.manifest)
        return old.side.manifest
    rows = Rows([place or Place(PREVIOUS, -1) for place in places], old, plan.journal, form)
    content = Content(
        encoder=form.identity,
        dimension=rows.width,
        dtype="uint8" if form.codes else form.dtype,
        items=items,
        failed=(),
        roots=(),
        gather=rows,
        unread=unread,
        parts=Parts(form.kind, tuple(form.boxes)),
        codebook=rows.codebook,
    )
    folder.mkdir(exist_ok=True)
    return write_index(folder, content)


def _is_same(
    old: StoredRegions,
    pictures: Index,
    places: Sequence[Place | None],
    unread: tuple[Problem, ...],
    form: Form,
) -> bool:
    """Whether the side that is there is the one to be written; dates of files make no difference."""
    manifest = old.side.manifest
    return (
        (manifest.encoder, manifest.unread, old.code_bytes) == (form.identity, unread, form.codes)
        and old.side.rows_sha256 == pictures.rows_sha256
        and all(place is None or place.batch == PREVIOUS for place in places)
    )


class Rows:
    """Rows of the next side by their places, block by block; row -1 of the one before: none."""

    def __init__(
        self, places: Sequence[Place], old: StoredRegions | None, journal: Journal | None, form: Form
    ) -> None:
        import numpy as np

        self.places = np.array(places, np.int64).reshape(-1, 2)
        self.old, self.journal, self.form = old, journal, form
        self.each = len(form.boxes)
        if journal:
            self.dimension = journal.dimension // self.each
        else:
            self.dimension = old.dimension if old else 0
        self.codebook = self._codebook() if form.codes else None
        self.width = self.each * (form.codes or self.dimension)

    def __call__(self, start: int, stop: int) -> NDArray[Any]:
        """(stop - start, width): vectors, or their codes."""
        import numpy as np

        places = self.places[start:stop]
        if self.codebook is None:
            return self._vectors(places)
        rows = np.zeros((len(places), self.width), np.uint8)
        kept = (places[:, 0] == PREVIOUS) & bool(self.old and self.old.code_bytes)
        kept &= places[:, 1] >= 0
        if kept.any() and self.old:
            rows[kept] = self.old.side.stored(places[kept, 1])
        fresh = ~kept & (places[:, 1] >= 0)
        if fresh.any():
            vectors = self._vectors(places[fresh]).reshape(-1, self.dimension)
            rows[fresh] = codes.encode(self.codebook, vectors).reshape(-1, self.width)
        return rows

    def _vectors(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """(n, R * d) of these places."""
        import numpy as np

        rows = np.zeros((len(places), self.each * self.dimension), self.form.dtype)
        for batch in np.unique(places[:, 0]):
            here = np.flatnonzero((places[:, 0] == batch) & (places[:, 1] >= 0))
            if batch != PREVIOUS and self.journal:
                rows[here] = self.journal.vectors(int(batch))[places[here, 1]]
            elif len(here) and self.old:
                rows[here] = self.old.take(places[here, 1]).reshape(len(here), -1)
        return rows

    def _codebook(self) -> NDArray[np.float32]:
        """That of the side before, or one learnt from vectors by lot."""
        import numpy as np

        if self.old and self.old.codebook is not None:
            return self.old.codebook
        present = np.unique(self.places[self.places[:, 1] >= 0], axis=0)
        count = min(len(present), -(-codes.SAMPLE // self.each))
        chosen = present[np.sort(np.random.default_rng(0).permutation(len(present))[:count])]
        vectors = self._vectors(chosen).reshape(-1, self.dimension)
        return codes.learn(vectors.astype(np.float32), self.form.codes)
