"""Pictures of any shape as a fixed number of patches of bytes, as Qwen's vision towers are shown them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


@dataclass(frozen=True)
class Patches:
    """``images`` is the model's own image processor; ``size`` its least and largest number of pixels.

    Another process can be handed it, see ``indexes.contract.Preparing``.
    """

    heavy = True  # transformers and torch

    images: Any
    size: Mapping[str, int]

    @classmethod
    def of(cls, images: Any, max_pixels: int) -> Patches:
        """The patches of ``images``, with no more than ``max_pixels`` of a picture."""
        said = dict(images.size) if isinstance(images.size, Mapping) else vars(images.size)
        most = min(int(said["longest_edge"]), max_pixels)
        return cls(images, {"shortest_edge": min(int(said["shortest_edge"]), most), "longest_edge": most})

    @property
    def merged(self) -> int:
        """How many patches become one token."""
        return int(self.images.merge_size) ** 2

    @property
    def side(self) -> int:
        """The side of the largest square picture, in pixels."""
        return int(self.size["longest_edge"] ** 0.5)

    @property
    def draft_size(self) -> int:
        """Twice the side: as for open_clip, a smaller decoding from there on changes nothing that shows."""
        return 2 * self.side

    @property
    def facts(self) -> dict[str, Any]:
        """What decides how a picture becomes patches."""
        return {
            "size": [self.side, self.side],
            "resize_mode": "longest",
            "pixels": [self.size["shortest_edge"], self.size["longest_edge"]],
            "patch": int(self.images.patch_size),
            "resample": int(self.images.resample),
            "mean": [float(one) for one in self.images.image_mean],
            "std": [float(one) for one in self.images.image_std],
        }

    def prepare(self, image: Image) -> NDArray[np.uint8]:
        """(most patches + 1, values of a patch): those of the picture, zeros, and its grid in the last row.

        The processor resizes; scaling is left to `unpacked`, so that a picture is a quarter as large.
        """
        import numpy as np

        made = self.images(
            images=image, size=dict(self.size), do_rescale=False, do_normalize=False, return_tensors="pt"
        )
        patches = np.asarray(made["pixel_values"]).round().clip(0, 255).astype(np.uint8)
        most = self.size["longest_edge"] // int(self.images.patch_size) ** 2
        if len(patches) > most:
            raise ValueError("it is too long for its width")
        packed = np.zeros((most + 1, patches.shape[1]), np.uint8)
        packed[: len(patches)] = patches
        grid = np.asarray(made["image_grid_thw"][0], np.int32)
        packed[-1, :12] = grid.view(np.uint8)
        return packed

    def unpacked(
        self, pictures: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """(all patches of all pictures, as the tower wants them; (n, 3) the grid of each)."""
        import numpy as np

        grids = np.stack([picture[-1, :12].copy().view(np.int32) for picture in pictures]).astype(np.int64)
        counts = grids.prod(1)
        raw = np.concatenate([picture[:n] for picture, n in zip(pictures, counts, strict=True)])
        channels = raw.reshape(len(raw), len(self.images.image_mean), -1).astype(np.float32)
        mean, std = (
            np.asarray(v, np.float32)[:, None] for v in (self.images.image_mean, self.images.image_std)
        )
        scaled = (channels * np.float32(self.images.rescale_factor) - mean) / std
        return scaled.reshape(raw.shape), grids
