"""Pictures as models are shown them: RGB, upright, not too large; as arrays or as data URLs."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..records.chat import Message

# A phone's photo would cost a VLM thousands of tokens; no caption of ours needs more pixels.
LONGEST_SIDE = 1024
# What comes without loss goes without loss; all else is a photo, for which JPEG is far smaller.
_LOSSLESS = (".png", ".gif", ".bmp")
_JPEG_QUALITY = 92


def pictures(message: Message) -> list[Image]:
    """The images of a message as RGB, no side longer than LONGEST_SIDE. Raises BadImage."""
    return [_picture(path) for path in message.images]


def data_url(path: Path) -> str:
    """The image as `pictures` gives it, encoded anew, as a data URL. Raises BadImage."""
    kind = "PNG" if path.suffix.lower() in _LOSSLESS else "JPEG"
    file = io.BytesIO()
    _picture(path).save(file, kind, quality=_JPEG_QUALITY)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def _picture(path: Path) -> Image:
    from ...indexes.decode import load_image

    picture = load_image(path, LONGEST_SIDE)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return picture
