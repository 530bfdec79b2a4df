"""What open_clip's transforms do to a picture up to its crop, by Pillow alone.

It needs neither torch nor weights, and so little else that another process can be handed it. Bytes are
those of `open_clip.transform.image_transform_v2`; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import dense

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

LONGEST = 16


@dataclass(frozen=True)
class Preparing:
    """The preprocessing of one open_clip model; see ``indexes.contract.Preparing``.

    ``size`` is (height, width); ``mode`` "shortest" (the middle is kept), "longest" (the rest is filled
    with grey level ``fill``) or "squash". ``device`` is where the model computes.
    """

    size: tuple[int, int]
    mode: str = "shortest"
    interpolation: str = "bicubic"
    fill: int = 0
    device: str = "cpu"

    @classmethod
    def of(cls, config: Mapping[str, Any], device: str = "cpu") -> Preparing:
        """As open_clip's configuration of a model's preprocessing says."""
        size = config["size"]
        tall, wide = (size, size) if isinstance(size, int) else size
        return cls(
            (int(tall), int(wide)),
            config.get("resize_mode") or "shortest",
            config.get("interpolation") or "bicubic",
            int(config.get("fill_color") or 0),
            device,
        )

    @property
    def draft_size(self) -> int:
        """Twice the model's side.

        Measured with ViT-B-32 on 12-megapixel noise, stripes and text, against full decoding:
        cosine >= 0.9999 from twice the model's side; from 1.5 times, fine stripes fall to 0.9985.
        """
        return 2 * min(self.size)

    def prepare(self, image: Image) -> NDArray[Any]:
        """(height, width, 3) uint8 of an RGB picture; scaling is left to the batch."""
        import numpy as np

        if self.mode == "shortest":
            image = without_far_ends(image)
        resized = self._resized(image)
        return np.asarray(resized if self.mode == "squash" else self._middle(resized))

    def prepare_regions(self, image: Image) -> NDArray[Any]:
        """(4, height, width, 3) uint8: four tiles, prepared as a picture is."""
        import numpy as np

        if self.mode == "shortest":
            image = without_far_ends(image)
        config = {"size": self.size, "resize_mode": self.mode}
        return np.stack([self.prepare(tile) for tile in dense.tiles_of(image, config)])

    def prepare_pixels(self, pixels: Any) -> Any:
        """As `prepare`, of a (3, h, w) uint8 tensor and on its device; torch's resize rounds otherwise."""
        from torchvision.transforms.v2 import InterpolationMode, functional

        if self.mode == "shortest":
            left, top, right, bottom = near_middle(pixels.shape[2], pixels.shape[1])
            pixels = pixels[:, top:bottom, left:right]
        wide, tall = self.resized_size(pixels.shape[2], pixels.shape[1])
        kind = InterpolationMode.BILINEAR if self._bilinear else InterpolationMode.BICUBIC
        if pixels.shape[1:] != (tall, wide):
            pixels = functional.resize(pixels, [tall, wide], kind, antialias=True)
        (tall, wide), (height, width) = self.size, pixels.shape[1:]
        left, top = _start(width, wide), _start(height, tall)
        if left < 0 or top < 0 or width < wide or height < tall:
            edges = max(0, -left), max(0, -top), max(0, left + wide - width), max(0, top + tall - height)
            pixels, left, top = functional.pad(pixels, list(edges), self.fill), max(0, left), max(0, top)
        return pixels[:, top : top + tall, left : left + wide].permute(1, 2, 0)

    @property
    def _bilinear(self) -> bool:
        # open_clip passes no interpolation on for the short side of a tower that is not square
        return self.interpolation == "bilinear" and (
            self.mode != "shortest" or self.size[0] == self.size[1]
        )

    def resized_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after the resize of a picture of this size, before the crop."""
        tall, wide = self.size
        if self.mode == "squash":
            return wide, tall
        if self.mode == "shortest" and tall == wide:  # torchvision's own resize, which cuts off
            long = int(tall * max(width, height) / min(width, height))
            return (tall, long) if width <= height else (long, tall)
        ratios = height / tall, width / wide
        ratio = max(ratios) if self.mode == "longest" else min(ratios)
        return round(width / ratio), round(height / ratio)

    def _resized(self, image: Image) -> Image:
        from PIL import Image

        size = self.resized_size(*image.size)
        kind = Image.Resampling.BILINEAR if self._bilinear else Image.Resampling.BICUBIC
        return image if size == image.size else image.resize(size, kind)

    def _middle(self, image: Image) -> Image:
        """The middle of a picture, or all of it on the colour that fills."""
        from PIL import Image

        tall, wide = self.size
        left, top = _start(image.width, wide), _start(image.height, tall)
        middle = image.crop((left, top, left + wide, top + tall))  # black where there is no picture
        if self.fill and (image.width < wide or image.height < tall):
            whole = Image.new("RGB", (wide, tall), (self.fill,) * 3)
            whole.paste(image, (-left, -top))
            return whole
        return middle


def _start(length: int, wanted: int) -> int:
    """Where the middle of so many pixels starts, as torchvision rounds; below 0 where it is padded."""
    return round((length - wanted) / 2) if length >= wanted else -((wanted - length) // 2)


def without_far_ends(image: Image) -> Image:
    """The middle of a picture that is very long, or the picture."""
    box = near_middle(*image.size)
    return image if box == (0, 0, *image.size) else image.crop(box)


def near_middle(width: int, height: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what is at most LONGEST times longer than wide.

    A model's own preprocessing enlarges the short side and keeps the middle square; for a picture
    of 30,000 × 1 pixels that would be gigapixels on the way.
    """
    side = LONGEST * min(width, height)
    left, top = max(0, (width - side) // 2), max(0, (height - side) // 2)
    return left, top, min(width, left + side), min(height, top + side)
