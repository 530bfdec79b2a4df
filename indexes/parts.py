"""The parts of a picture, and encoders that give a row of their vectors where others give one vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .contract import Box, EncoderId
from .errors import EXIT_USAGE, GalleryError
from .seen import cropped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from .contract import ImageEncoder, Preparing

CROPS, PATCHES = "crops", "patches"
KINDS = (CROPS, PATCHES)
# Four corners and the centre (SORCE's regions without a detector). Half a side is the least that leaves no
# part of the picture outside: things on a border between two corners are seen halved.
CORNERS = (
    Box(0.0, 0.0, 0.5, 0.5),
    Box(0.5, 0.0, 1.0, 0.5),
    Box(0.0, 0.5, 0.5, 1.0),
    Box(0.5, 0.5, 1.0, 1.0),
    Box(0.25, 0.25, 0.75, 0.75),
)


@dataclass(frozen=True)
class CropsPreparing:
    """Every part is cut out and prepared as a picture of its own; see ``contract.Preparing``."""

    whole: Preparing
    boxes: tuple[Box, ...]

    @property
    def heavy(self) -> bool:
        """As of the whole picture."""
        return bool(getattr(self.whole, "heavy", False))

    @property
    def draft_size(self) -> int:
        """Parts are half as wide and high as the picture."""
        return 2 * self.whole.draft_size

    def prepare(self, image: Image) -> NDArray[Any]:
        """(R, …)."""
        import numpy as np

        return np.stack([self.whole.prepare(cropped(image, box)) for box in self.boxes])


@dataclass(frozen=True)
class PatchesPreparing:
    """As a tower wants a picture of which it tells the parts; see ``contract.DenseEncoder``."""

    dense: Any

    @property
    def draft_size(self) -> int:
        """It sees the picture in tiles, of half its width and height."""
        return 2 * int(self.dense.draft_size)

    def prepare(self, image: Image) -> NDArray[Any]:
        """See ``contract.DenseEncoder``."""
        prepared: NDArray[Any] = self.dense.prepare_regions(image)
        return prepared


class PartsEncoder:
    """An image encoder of ``len(boxes)`` vectors a picture, made of another.

    A row of it is these vectors, one after another. ``here`` prepares for it.
    """

    kind = ""
    here: Preparing

    def __init__(self, encoder: ImageEncoder, boxes: Sequence[Box]) -> None:
        self.encoder, self.boxes = encoder, tuple(boxes)
        self.name, self.fingerprint = encoder.name, encoder.fingerprint
        self.preprocessing = preprocessing(self.kind, encoder)
        self.dimension = len(self.boxes) * encoder.dimension

    @property
    def draft_size(self) -> int:
        """Parts start from a larger picture than the whole."""
        return self.here.draft_size

    def prepare(self, image: Image) -> NDArray[Any]:
        """A picture as a fixed-shape array."""
        return self.here.prepare(image)

    @property
    def preparing(self) -> Preparing | None:
        """As ``here``, without the encoder; None where that cannot be."""
        raise NotImplementedError

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, R * d) float32."""
        raise NotImplementedError


class Crops(PartsEncoder):
    """Every part is cut out and encoded as a picture of its own."""

    kind = CROPS

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__(encoder, CORNERS)
        self.here = CropsPreparing(encoder, self.boxes)

    @property
    def preparing(self) -> Preparing | None:
        """As `here`, without the encoder."""
        whole = getattr(self.encoder, "preparing", None)
        return CropsPreparing(whole, self.boxes) if whole else None

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, R * d) float32."""
        import numpy as np

        parts = [part for picture in batch for part in picture]
        rows = np.asarray(self.encoder.encode_prepared(parts), np.float32)
        return rows.reshape(len(batch), self.dimension)


class Patches(PartsEncoder):
    """The encoder tells of the parts itself; see ``contract.DenseEncoder``."""

    kind = PATCHES

    def __init__(self, encoder: ImageEncoder, boxes: Sequence[Box]) -> None:
        super().__init__(encoder, boxes)
        self.here = PatchesPreparing(encoder)

    @property
    def preparing(self) -> Preparing | None:
        """As `here`, without the encoder."""
        dense = getattr(self.encoder, "preparing", None)
        return PatchesPreparing(dense) if hasattr(dense, "prepare_regions") else None

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, R * d) float32."""
        import numpy as np

        dense: Any = self.encoder
        return np.asarray(dense.encode_regions(batch), np.float32).reshape(len(batch), self.dimension)


def check_kind(kind: str) -> None:
    """Raise ``GalleryError`` for parts that there are not."""
    if kind not in KINDS:
        raise GalleryError(f"no regions {kind!r}", f"there are {' and '.join(KINDS)}", EXIT_USAGE)


def parts_encoder(kind: str, encoder: ImageEncoder) -> PartsEncoder:
    """The encoder of parts of this kind. Raises ``GalleryError`` where ``encoder`` has none."""
    check_kind(kind)
    if kind == CROPS:
        return Crops(encoder)
    boxes = getattr(encoder, "region_boxes", None)
    if not boxes:
        raise GalleryError(
            f"the encoder {encoder.name} has no vectors of patches", "use --regions crops", EXIT_USAGE
        )
    return Patches(encoder, boxes)


def preprocessing(kind: str, encoder: ImageEncoder) -> str:
    """What the vectors of parts are made of, as an identity names it."""
    return f"{kind}: {encoder.preprocessing}"


def identity_of(kind: str, encoder: ImageEncoder) -> EncoderId:
    """The identity of the vectors of parts; loads nothing."""
    return EncoderId(encoder.name, encoder.fingerprint, preprocessing(kind, encoder))
