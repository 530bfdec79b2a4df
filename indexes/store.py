"""An index folder, opened for reading.

::

    manifest.json                written last: encoder, dimension, dtype, count, files, checksums
    vectors-<hash>.npy           unit rows, float16 or float32, memory-mapped
    items-<hash>.parquet         id, path, content hash, size, mtime, caption; in row order
    stats-<hash>.npz             mu (d,) and sigma (d, d), float64: mean and covariance of the rows
    captions/                    if any: the caption side, an index of its own (see ``sides``)
    regions/                     if any: vectors of parts of the pictures, too (see ``regions``)
    compressed/                  if any: where the best of the rows are found quickly (see ``compressed``)

See ``stored`` for how they are opened.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from .beside import captions_of
from .contract import CAPTIONS, PICTURES
from .errors import GalleryError, IndexStale
from .lock import wait_for_writer
from .manifest import read_manifest
from .regions import regions_of
from .stored import Stored

if TYPE_CHECKING:
    from .contract import Regions


class Index(Stored):
    """Vectors and items of one gallery, with what lies beside; made by ``Index.open``."""

    @classmethod
    def open_both(cls, folder: str | os.PathLike[str], encoder_fingerprint: str) -> Index:
        """As ``open``, and its captions and regions, if there are any, are of these very rows.

        A writer that is between the sides is waited for. A side that is stale or damaged for
        another reason is told by ``caption_side`` and ``regions``.
        """
        while True:
            index = cls.open(folder, encoder_fingerprint)
            try:
                _ = index.caption_side, index.regions
                return index
            except IndexStale:
                moved = wait_for_writer(index.folder)
                if not moved and read_manifest(index.folder) == index.manifest:
                    return index
            except GalleryError:
                return index

    def side(self, name: str) -> Stored | None:
        """The rows themselves, or the captions beside them; None where there are none.

        Raises what ``caption_side`` raises.
        """
        return self if name == PICTURES else self.caption_side if name == CAPTIONS else None

    @cached_property
    def regions(self) -> Regions | None:
        """The vectors of parts of the pictures, row for row; None where there are none.

        Raises ``IndexDamaged``, or ``IndexStale`` where they belong to other rows or another encoder.
        """
        return regions_of(self)

    @cached_property
    def caption_side(self) -> Stored | None:
        """The index of the items' captions, row for row; None where there is none.

        Raises ``IndexDamaged``, or ``IndexStale`` where it belongs to other rows or another encoder.
        """
        return captions_of(self)
