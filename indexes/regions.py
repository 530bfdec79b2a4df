"""Vectors of parts of the pictures of an index, row for row beside them; read here.

They lie in ``regions/`` of the index folder, in an index of the same form with the same items: a row
is the R unit vectors of an item, one after another, (R * d) halves, and zeros where an item has none.
Product-quantised, a row is their R * M codes (see ``codes``), and ``codebook-<hash>.npy`` lies beside.
The manifest says which parts they are of. Its ``unread`` names the items that have none, and why. The
statistics are left out: nothing asks for them, and a covariance of R * d numbers would be gigabytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import codes
from .beside import stale
from .contract import Box
from .errors import (
    GalleryError,
    IndexDamaged,
    IndexIncompatible,
    IndexMissing,
    IndexStale,
    regions_command,
    regions_damaged,
)
from .files import FileEntry, load_npy
from .stored import Stored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = "regions"


class StoredRegions:
    """The region side of an index, opened. Raises ``IndexDamaged``."""

    def __init__(self, side: Stored) -> None:
        if side.manifest.parts is None or not side.manifest.parts.boxes:
            raise side.damaged("its manifest says nothing of parts")
        self.side, self.parts = side, side.manifest.parts
        if side.dimension % len(self.boxes):
            raise side.damaged("its rows are not of so many parts")
        self._codebook = self._opened(self.parts.codebook) if self.parts.codebook else None

    @property
    def kind(self) -> str:
        """How the parts are made: "crops" or "patches"."""
        return self.parts.kind

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The R parts: of crops, shares of the picture; of patches, of what the encoder sees of it."""
        return self.parts.boxes

    @property
    def count(self) -> int:
        """Number of items."""
        return self.side.count

    @property
    def dimension(self) -> int:
        """d, the length of a vector."""
        if self._codebook is not None:
            return int(self._codebook.shape[0] * self._codebook.shape[2])
        return self.side.dimension // len(self.boxes)

    @property
    def code_bytes(self) -> int:
        """Bytes of the code of a vector; 0 where vectors are kept as they are."""
        return self.side.dimension // len(self.boxes) if self.parts.codebook else 0

    @property
    def codebook(self) -> NDArray[np.float32] | None:
        """See ``codes``; None where vectors are kept as they are."""
        return self._codebook

    def take(self, rows: Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
        """(n, R, d) of these rows, in the order they are named; zeros where an item has none.

        ``IndexError`` for other rows.
        """
        import numpy as np

        stored = self.side.stored(rows)
        if self._codebook is None:
            vectors = stored.astype(np.float32, copy=False)
            return vectors.reshape(len(stored), len(self.boxes), self.dimension)
        flat = codes.decode(self._codebook, stored.reshape(-1, self.code_bytes))
        taken = flat.reshape(len(stored), len(self.boxes), self.dimension)
        if self.absent:
            taken[np.isin(np.asarray(rows, np.int64), list(self.absent))] = 0
        return taken

    @cached_property
    def absent(self) -> frozenset[int]:
        """The rows of items that have no vectors."""
        found = (self.side.row_of(ident) for ident, _ in self.side.manifest.unread)
        return frozenset(row for row in found if row is not None)

    def _opened(self, entry: FileEntry) -> NDArray[np.float32]:
        import numpy as np

        try:
            pieces = load_npy(self.side.folder / entry.file)
        except (OSError, ValueError) as error:
            raise self.side.damaged(f"{entry.file} cannot be read") from error
        size = self.side.dimension // len(self.boxes)
        if pieces.dtype != np.float32 or pieces.ndim != 2 or len(pieces) != size * codes.CENTROIDS:
            raise self.side.damaged(f"{entry.file} has another shape")
        return pieces.reshape(size, codes.CENTROIDS, pieces.shape[1])


def regions_of(pictures: Stored) -> StoredRegions | None:
    """The region side of these very rows; None where there is none.

    Raises ``IndexDamaged``, or ``IndexStale`` where it belongs to other rows or another encoder.
    """
    roots = pictures.manifest.roots
    regions = earlier_regions(pictures.folder, roots)
    if regions is None:
        return None
    why = stale(regions.side, pictures)
    if why:
        raise IndexStale(
            f"the regions in {regions.side.folder} {why}",
            f"bring them up: {regions_command(pictures.folder, roots, regions.kind)}",
        )
    return regions


def earlier_regions(folder: Path, roots: Sequence[str] = ()) -> StoredRegions | None:
    """The region side in ``folder``, of whatever rows and encoder. Raises ``IndexDamaged``."""
    try:
        return StoredRegions(Stored.open(folder / FOLDER))
    except IndexMissing:
        return None
    except (IndexDamaged, IndexIncompatible) as error:
        raise regions_damaged(folder, error, roots) from error


def region_facts(pictures: Stored) -> dict[str, Any]:
    """What `info` says of them; nothing where there are none."""
    try:
        regions = earlier_regions(pictures.folder, pictures.manifest.roots)
    except GalleryError as error:
        return {"regions": error.message}
    if regions is None:
        return {}
    manifest = regions.side.manifest
    why = stale(regions.side, pictures)
    return {
        "regions": why or "fit the items",
        "regions_kind": regions.kind,
        "regions_each": len(regions.boxes),
        "regions_stored": f"{regions.code_bytes} bytes a vector" if regions.code_bytes else manifest.dtype,
        "regions_missing": len(manifest.unread),
        "regions_bytes": sum(entry.bytes for entry in manifest.files()),
    }
