"""Pictures that are no files yet, written into a private folder that goes when the process ends."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

_AS_PNG = ("1", "L", "LA", "P", "RGB", "RGBA")


@lru_cache(maxsize=1)
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="likebut-")


def picture_file(picture: Image | Any) -> Path:
    """A PNG of a Pillow picture; the same pixels are the same file."""
    import io

    shown = picture if picture.mode in _AS_PNG else picture.convert("RGB")
    buffer = io.BytesIO()
    shown.save(buffer, "PNG")
    return kept_file(buffer.getvalue(), ".png")


def kept_file(data: bytes, ending: str = "") -> Path:
    """A file of these bytes; the same bytes are the same file."""
    path = Path(_folder().name) / f"{sha256(data).hexdigest()[:32]}{ending}"
    if not path.exists():
        path.write_bytes(data)
    return path
