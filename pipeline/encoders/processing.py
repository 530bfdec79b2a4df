"""Pictures as the image processor of a dual encoder in transformers makes them, without the model.

Another process can be handed it, see ``indexes.contract.Preparing``; it loads transformers there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .dual import seen_by
from .preparing import without_far_ends

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

SHAPES = "spatial_shapes"


@dataclass(frozen=True)
class Processing:
    """``images`` is the processor; a very long picture may be ``cut`` to its middle."""

    heavy = True  # transformers and torch

    images: Any
    draft_size: int
    cut: bool

    @classmethod
    def of(cls, images: Any) -> Processing:
        """As the processor itself says."""
        seen = seen_by(images)
        # As for open_clip: from twice the model's side on, a smaller decoding changes nothing that shows.
        return cls(images, 2 * min(seen.get("resized", seen["size"])), seen["resize_mode"] == "shortest")

    def prepare(self, image: Image) -> NDArray[Any]:
        """float32: the pixels that the model's own processor makes of a picture.

        (3, height, width); or (patches + 1, values of a patch), where the last row says how many patches
        high and wide the picture is.
        """
        import numpy as np

        made = self.images(images=without_far_ends(image) if self.cut else image, return_tensors="pt")
        pixels = np.asarray(made["pixel_values"][0], np.float32)
        if SHAPES not in made:
            return pixels
        row = np.zeros((1, pixels.shape[1]), np.float32)
        row[0, :2] = made[SHAPES][0]
        return np.concatenate([pixels, row])
