"""A file's bytes as an RGB picture, upright, on white, or a short reason why not.

Pillow reads the formats; this module decides what a gallery sees of them: EXIF orientation applied,
transparency on white, CMYK, palette and 16-bit converted, the first frame of an animation.
"""

from __future__ import annotations

import io
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import BadImage, GalleryError, readable
from .formats import is_raw, load_plugins, needs_plugin, preview
from .remote import as_address, read

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 178_956_970  # where Pillow itself refuses; larger limits need its own raised, too
_ORIENTATION, _UPRIGHT = 0x0112, 1  # an EXIF tag, and its value that turns nothing
_ON_ITS_SIDE = 5  # the first of its values that swap the sides
MAX_BYTES = 1 << 29  # of one file; all threads hold one at a time


def load_image(
    path: str | os.PathLike[str], draft_size: int | None = None, max_pixels: int = MAX_PIXELS
) -> Image:
    """The picture in ``path`` as RGB.

    ``draft_size``: a JPEG may be decoded smaller, its short side no less than this many pixels.
    Raises ``BadImage`` when the file cannot be read or is no usable picture.
    """
    name = readable(os.fspath(path))
    if address := as_address(path):
        data = read(address)
        with quiet():
            return decode(data, address, draft_size, max_pixels)
    try:
        size = os.stat(path).st_size
        if size > MAX_BYTES:
            raise too_large(name, size)
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadImage(name, (error.strerror or "cannot be read").lower(), lasting=False) from error
    with quiet():
        return decode(data, name, draft_size, max_pixels)


def too_large(name: str, size: int) -> BadImage:
    """The error for a file of so many bytes."""
    return BadImage(name, f"too large a file ({size >> 20} MB; limit {MAX_BYTES >> 20} MB)")


def size_of(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """(width, height) of the picture in ``path``, upright; None where it cannot be read.

    Only its beginning is read, but for one at an address.
    """
    from PIL import Image

    load_plugins()
    try:
        there, name = as_address(path), os.fspath(path)
        data = read(there) if there else Path(path).read_bytes() if is_raw(name) else b""
        if data and is_raw(name):
            data = preview(data, name)
        with quiet(), Image.open(io.BytesIO(data) if data else path) as image:
            turned = image.getexif().get(_ORIENTATION, 1) >= _ON_ITS_SIDE
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, GalleryError):
        return None
    return (height, width) if turned else (width, height)


def quiet() -> warnings.catch_warnings[None]:
    """A context without Pillow's warnings about files; wraps all threads of a build at once."""
    return warnings.catch_warnings(action="ignore")


def decode(data: bytes, name: str, draft_size: int | None = None, max_pixels: int = MAX_PIXELS) -> Image:
    """The picture in ``data`` as RGB; by ``name`` a raw file is told. Raises ``BadImage``."""
    from PIL import Image

    if is_raw(name):
        data = preview(data, name)
    if needs_plugin(data):
        load_plugins()
    try:
        with Image.open(io.BytesIO(data)) as image:
            pixels = image.width * image.height
            if pixels > max_pixels:
                raise BadImage(name, _too_many(pixels, max_pixels), lasting=False)
            if draft_size and image.format == "JPEG":
                image.draft(None, (draft_size, draft_size))
            image.load()
            return _to_rgb(_upright(image))
    except BadImage:
        raise
    except MemoryError as error:
        raise BadImage(name, "not enough memory", lasting=False) from error
    except Exception as error:  # Pillow's readers leak whatever a damaged file provokes
        reason = decode_problem(error, data, max_pixels)
        raise BadImage(name, reason, lasting="pixels" not in reason) from error


def decode_problem(error: Exception, data: bytes, max_pixels: int = MAX_PIXELS) -> str:
    """A few words for what Pillow raised on ``data``."""
    from PIL import Image, UnidentifiedImageError

    if not data:
        return "empty file"
    if isinstance(error, Image.DecompressionBombError):
        digits = re.search(r"\d+", str(error))
        return _too_many(int(digits[0]) if digits else max_pixels, max_pixels)
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return "truncated"
    return f"damaged ({readable(str(error))[:80] or type(error).__name__})"


def _too_many(pixels: int, limit: int) -> str:
    return f"too many pixels ({pixels // 10**6} MP; limit {limit // 10**6} MP)"


def is_upright(image: Image) -> bool:
    """Whether its EXIF turns nothing. Raises what the readers of a damaged EXIF block do."""
    return bool(image.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT)


def _upright(image: Image) -> Image:
    """The picture turned as its EXIF says, or itself; a damaged EXIF block turns nothing."""
    from PIL import ImageOps

    try:
        if is_upright(image):
            return image
        return ImageOps.exif_transpose(image)
    except Exception:  # pixels are fine, and EXIF readers leak as the others do
        return image


def _to_rgb(image: Image) -> Image:
    """Any mode as RGB, transparency on white."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    if image.mode != "RGB":
        return image.convert("RGB")
    # a copy, for the file behind it is closed when this returns; a JPEG has let go of it
    return image if image.format == "JPEG" else image.copy()


def _eight_bits(image: Image) -> Image:
    """A picture of wide grey levels as mode L: 16-bit by 257, other ranges stretched to 0..255.

    Where one level is transparent, it is white. A flat picture has no range: its level is one of 0 to 1,
    else of 0 to 255, else of 0 to 65,535, else a middle grey.
    """
    import numpy as np
    from PIL import Image

    grey = np.asarray(image, dtype=np.float64)
    low, high = 0.0, 65535.0
    least, most = float(grey.min()), float(grey.max())
    if least == most and image.mode in ("F", "I"):
        low, high = _range_of(most)
    elif image.mode == "F" or least < 0 or most > high:
        low, high = least, most
    levels = (grey - low) * (255.0 / max(high - low, 1e-12))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        levels[grey == clear] = 255.0
    return Image.fromarray(np.rint(levels).astype(np.uint8))


def _range_of(level: float) -> tuple[float, float]:
    """The range that a single level most likely belongs to."""
    tops = [top for top in (1.0, 255.0, 65535.0) if 0 <= level <= top]
    return (0.0, tops[0]) if tops else (level - 1, level + 1)
