"""What galleries, searchers and encoders are to each other. No model code, no imports at run time."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from .items import Item

PICTURES, CAPTIONS = "pictures", "captions"  # names of sides
OF_CAPTIONS = "captions"  # the preprocessing of an index whose rows stand for texts


@dataclass(frozen=True)
class EncoderId:
    """Which vectors may be compared: an encoder's name, weights and preprocessing."""

    name: str
    fingerprint: str
    preprocessing: str

    @classmethod
    def of(cls, encoder: ImageEncoder) -> EncoderId:
        """The identity of ``encoder``."""
        return cls(encoder.name, encoder.fingerprint, encoder.preprocessing)

    @property
    def reads_captions(self) -> bool:
        """Whether the rows stand for captions: means of unit vectors, or zeros without one."""
        return self.preprocessing == OF_CAPTIONS


class Side(Protocol):
    """One vector of length 1 (or 0) per item of a gallery: of its picture, or of its captions."""

    @property
    def count(self) -> int:
        """Number of rows."""

    @property
    def dimension(self) -> int:
        """d, the length of a row."""

    @property
    def mu(self) -> NDArray[np.float64]:
        """The mean of the rows, (d,)."""

    @property
    def sigma(self) -> NDArray[np.float64]:
        """The covariance of the rows, (d, d)."""

    def vectors(self) -> Sequence[NDArray[Any]]:
        """All rows as (rows, d) shards, float16 or float32, in order."""

    def take(self, rows: Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
        """(n, d) of these rows, in the order they are named."""


class Box(NamedTuple):
    """A part of a picture, in shares of its width and height: 0 is left and top, 1 right and bottom."""

    left: float
    top: float
    right: float
    bottom: float


class Regions(Protocol):
    """R vectors of length 1 per item of a gallery: of parts of its picture, the same for all items."""

    @property
    def kind(self) -> str:
        """How the parts are made: "crops" or "patches"."""

    @property
    def boxes(self) -> Sequence[Box]:
        """The R parts; of patches, in shares of what the encoder sees of a picture."""

    def take(self, rows: Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
        """(n, R, d) of these rows, in the order they are named; zeros where an item has none."""


class Gallery(Side, Protocol):
    """Items, the side of their pictures, and others beside it, row for row.

    A row is a number that names an item: its place in an index, a key where the gallery lies elsewhere.
    """

    @property
    def regions(self) -> Regions | None:
        """Vectors of parts of the pictures; None where it has none.

        Raises ``IndexStale`` or ``IndexDamaged`` for those that do not fit.
        """

    @property
    def videos(self) -> int:
        """How many rows each video has, each of a frame; 0 where videos are passed over."""

    @property
    def folder(self) -> Path:
        """Where it lies."""

    @property
    def identity(self) -> EncoderId:
        """The encoder of its vectors."""

    @property
    def roots(self) -> Sequence[str]:
        """The folders that it was made of."""

    def side(self, name: str) -> Side | None:
        """The side of this name, "pictures" being the gallery itself; None where it has none.

        Raises ``IndexStale`` or ``IndexDamaged`` for one that does not fit.
        """

    def items(self, rows: Sequence[int]) -> list[Item]:
        """The items of these rows, in the order they are named."""

    def page(self, skip: int, count: int) -> list[Item]:
        """At most ``count`` items after the first ``skip``."""

    def all_items(self) -> Iterator[Item]:
        """Every item, in row order."""

    def columns(self, names: Sequence[str]) -> Iterator[dict[str, list[Any]]]:
        """The values of these columns of the items, a part of the rows at a time, in row order."""

    def row_of(self, path_or_id: str | os.PathLike[str]) -> int | None:
        """The row of an id or, failing that, of a file's path."""

    def rows_of_hash(self, content_hash: str) -> list[int]:
        """The rows whose files have this SHA-256 (hexadecimal)."""


class Asked(NamedTuple):
    """What is asked of one side, or of bare shards: (q, d) vectors, one a query."""

    side: Side | NDArray[Any] | Sequence[NDArray[Any]]
    queries: NDArray[Any]


class Found(NamedTuple):
    """Rows (q, k) int64 and their scores (q, k) float32, best first, the lower row among equals.

    Where fewer than ``k`` rows remain, row -1 with score -inf.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


class Searcher(Protocol):
    """Finds rows by inner product. What it scores is exact, whichever rows it looks at."""

    def search(
        self,
        asked: Sequence[Asked],
        k: int,
        exclude: Sequence[Collection[int] | NDArray[Any]] | None = None,
    ) -> Found:
        """The ``k`` rows with the largest sum of inner products over all sides, for each query.

        ``exclude[i]`` holds the rows that query ``i`` must not return; where it is an array, it
        ascends. Raises ``ValueError`` when the shapes do not fit.
        """


class Preparing(Protocol):
    """How pictures are prepared for an encoder: its `prepare` without its weights.

    Small, and picklable: another process is handed it. Where it also has ``prepare_pixels``, a function of
    a (3, h, w) uint8 tensor, and ``device``, pictures may be prepared there. Where it has a ``heavy`` that
    is true, it loads hundreds of megabytes in each process: these are started only where somebody asks.
    """

    @property
    def draft_size(self) -> int: ...

    def prepare(self, image: Image) -> NDArray[Any]:
        """See ``ImageEncoder``."""
        ...


class ImageEncoder(Protocol):
    """The image side of a dual encoder, split where threads end and the device begins.

    ``name``, ``fingerprint`` (of the weights) and ``preprocessing`` say which vectors may be
    compared. ``dimension`` is d. ``draft_size`` is the smallest short side, in pixels, that the
    preprocessing wants to start from; large JPEGs may be decoded down to no less.

    Where it has an attribute ``preparing``, a ``Preparing`` that gives the bytes of `prepare`, pictures
    may be prepared in other processes; of a ``DenseEncoder`` it has `prepare_regions`, too.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def preprocessing(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def draft_size(self) -> int: ...

    def prepare(self, image: Image) -> NDArray[Any]:
        """An RGB picture of any size and shape as a fixed-shape array. Called in threads."""
        ...

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows for ``n`` prepared pictures, in order."""
        ...


class DenseEncoder(ImageEncoder, Protocol):
    """An image encoder whose tower also tells what is in the parts of a picture.

    It may want to see a picture larger: it starts from twice ``draft_size``.
    """

    @property
    def region_boxes(self) -> Sequence[Box]:
        """The R parts, in shares of what the encoder sees of a picture; none where it has no such."""
        ...

    def prepare_regions(self, image: Image) -> NDArray[Any]:
        """An RGB picture of any size and shape as a fixed-shape array. Called in threads."""
        ...

    def encode_regions(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, R, d) float32 unit vectors for ``n`` pictures from ``prepare_regions``, in order."""
        ...
