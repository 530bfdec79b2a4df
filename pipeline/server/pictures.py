"""Pictures as a browser wants them: small, upright, in memory; or the file itself."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from ...indexes.errors import BadImage
from ...indexes.remote import as_address
from .problems import Refused, missing

if TYPE_CHECKING:
    from ...indexes.contract import Gallery
    from ...indexes.items import Item

SIZES = (96, 160, 320, 640, 1280)  # of the longest side, in pixels
LARGEST = 4096  # that may be asked for; the largest of SIZES is given
# What Pillow calls a format → what a browser does; nothing else is handed out.
TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
}


class Thumbnails:
    """Small pictures as WebP, the last ``room`` bytes of them in memory. Of several threads at once."""

    def __init__(self, room: int = 64 << 20) -> None:
        self.room, self.held = room, 0
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: Path | str, name: str, size: int) -> bytes:
        """The picture in ``path`` of at most ``size`` pixels; ``name`` is of its contents.

        Raises Refused where it is gone or can no longer be read.
        """
        with self._lock:
            if (name, size) in self._kept:
                self._kept.move_to_end((name, size))
                return self._kept[name, size]
        data = small(path, size)
        with self._lock:
            if (name, size) not in self._kept:
                self._kept[name, size] = data
                self.held += len(data)
            while self.held > self.room:
                self.held -= len(self._kept.popitem(last=False)[1])
        return data


def small(path: Path | str, size: int) -> bytes:
    """The picture in ``path`` as WebP. Raises Refused where it cannot be read."""
    from ...indexes.decode import load_image, quiet

    try:
        with quiet():
            image = load_image(path, size)
    except BadImage as problem:
        raise Refused(
            404, f"the picture cannot be shown: {problem.reason}", "index the gallery anew"
        ) from None
    image.thumbnail((size, size))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=82, method=2)
    return buffer.getvalue()


def given(path: str, size: int) -> int:
    """The size that is given where ``size`` is asked for, so that few are kept.

    0, the file itself, is given only of a file of this machine: not of a frame, nor of an address.
    """
    if not size:
        return SIZES[-1] if as_address(path) else 0
    return next((one for one in SIZES if one >= size), SIZES[-1])


def type_of(path: Path | str) -> str:
    """The type of a picture's file, by its contents. Raises Refused for what is no picture."""
    from PIL import Image

    from ...indexes.decode import quiet
    from ...indexes.formats import load_plugins

    load_plugins()
    try:
        with quiet(), Image.open(path) as image:
            kind = TYPES.get(image.format or "")
    except FileNotFoundError:
        raise missing("picture", "its file is gone; index the gallery anew") from None
    except Exception:  # Pillow's readers leak whatever a damaged file provokes
        kind = None
    if kind is None:
        raise Refused(415, "the file is no picture that a browser shows", "ask for a size")
    return kind


def item_of(gallery: Gallery, row: int) -> Item:
    """The item of a row that has a file. Raises Refused where there is none."""
    try:
        (item,) = gallery.items([row])
    except IndexError as problem:
        raise missing(
            "picture", f"the gallery has {gallery.count} items, and none in that row"
        ) from problem
    if not item.path:
        raise missing("picture", "this gallery is captions")
    return item
