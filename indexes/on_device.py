"""A mapper whose JPEGs are decoded and prepared where the encoder computes, a batch at a time.

On CUDA that is nvJPEG by torchvision, and the resize on the device, too: full decoding, without the draft
of Pillow. What it does not read as Pillow does (other formats, CMYK, turned or cut pictures, errors) goes
through Pillow in threads. While one batch is encoded the next is decoded, and the one after it read.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from .decode import is_upright
from .errors import EXIT_USAGE, GalleryError
from .reading import Outcome, Reader, Work, in_threads

if TYPE_CHECKING:
    from .scan import File

BATCH = 64
BYTES = 18  # a pixel: decoded it has 3, while it is resized 12 more, and the resized picture is small
SHARE, ON_CPU = 0.25, 1 << 30  # of the device's free memory; and bytes, where there is none


class Fetched(NamedTuple):
    """A file as it was read: ``data`` is there for the device where Pillow has not settled it."""

    outcome: Outcome
    data: bytes = b""
    pixels: int = 0


def on_device(
    files: Iterable[File], worker: Callable[[], Any], workers: int, ahead: int
) -> Generator[Outcome]:
    """As `reading.in_threads`; arrays are tensors on the device. ``worker`` is a `reading.Work`.

    Raises GalleryError where this encoder's pictures cannot be prepared there.
    """
    preparing: Any = worker.preparing if isinstance(worker, Work) else None
    if not isinstance(worker, Work) or not hasattr(preparing, "prepare_pixels"):
        raise GalleryError("pictures cannot be prepared on the device here", "use threads", EXIT_USAGE)
    reader = Reader(worker.encoder, worker.known, worker.pixels_limit)
    device = _Device(reader, preparing)
    with (
        closing(in_threads(files, lambda: device.fetch, workers, max(ahead, 2 * BATCH))) as fetched,
        ThreadPoolExecutor(1, "likebut-device") as lane,
    ):
        before = None
        for batch in _batches(fetched, device.room()):
            decoding = lane.submit(device.prepared, batch)
            if before:
                yield from before.result()
            before = decoding
        if before:
            yield from before.result()


def _batches(fetched: Iterable[Fetched], room: int) -> Iterator[list[Fetched]]:
    """As many at once as there is room for, in pixels; one at least."""
    batch: list[Fetched] = []
    pixels = 0
    for one in fetched:
        if batch and (len(batch) == BATCH or pixels + one.pixels > room):
            yield batch
            batch, pixels = [], 0
        batch.append(one)
        pixels += one.pixels
    if batch:
        yield batch


class _Device:
    """Decodes and prepares on one device, in a stream of its own where that is CUDA."""

    def __init__(self, reader: Reader, preparing: Any) -> None:
        from torch import cuda

        self.reader, self.preparing = reader, preparing
        self.name = preparing.device
        stream: Any = cuda.Stream
        self.stream = stream(self.name) if self.name.startswith("cuda") else None

    def room(self) -> int:
        """How many pixels are decoded at once."""
        import torch

        free = torch.cuda.mem_get_info(self.name)[0] * SHARE if self.stream else ON_CPU
        return int(free) // BYTES

    def fetch(self, found: File) -> Fetched:
        """A file read, and settled by Pillow if it is not for the device. Called in threads."""
        outcome, data = self.reader.fetch(found)
        if data is None:
            return Fetched(outcome)
        pixels = _plain_pixels(data)
        if not 0 < pixels <= self.reader.pixels_limit:
            return Fetched(self.reader.prepared(outcome, data))
        return Fetched(outcome, data, pixels)

    def prepared(self, batch: list[Fetched]) -> list[Outcome]:
        """The outcomes of a batch; they are on the device when this returns."""
        import torch

        began = perf_counter()
        todo = [one for one in batch if one.data]
        with torch.inference_mode(), torch.cuda.stream(self.stream) if self.stream else nullcontext():
            decoded = self._decoded([one.data for one in todo])
            arrays = iter([None if one is None else self.preparing.prepare_pixels(one) for one in decoded])
        if self.stream:
            self.stream.synchronize()
        each = (perf_counter() - began) / max(1, len(todo))
        return [self._outcome(one, next(arrays), each) if one.data else one.outcome for one in batch]

    def _outcome(self, one: Fetched, array: Any, seconds: float) -> Outcome:
        if array is None:
            return self.reader.prepared(one.outcome, one.data)
        return replace(one.outcome, array=array, seconds=(one.outcome.seconds[0], seconds, 0.0))

    def _decoded(self, pictures: list[bytes]) -> list[Any]:
        """(3, h, w) uint8 tensors; None for what it does not read."""
        import numpy as np
        import torch
        from torchvision.io import ImageReadMode, decode_jpeg

        if not pictures:
            return []
        tensors = [torch.from_numpy(np.frombuffer(bytearray(data), np.uint8)) for data in pictures]
        try:
            return list(decode_jpeg(tensors, mode=ImageReadMode.RGB, device=self.name))
        except RuntimeError:  # of one of them, and it does not say of which
            if len(pictures) == 1:
                return [None]
            return [self._decoded([data])[0] for data in pictures]


def _plain_pixels(data: bytes) -> int:
    """How many pixels a JPEG has that any decoder reads as Pillow does; 0 for anything else."""
    from PIL import Image

    if not (data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9")):
        return 0
    try:
        with Image.open(io.BytesIO(data)) as image:
            coloured = image.mode in ("RGB", "L") and image.info.get("adobe_transform", 1) == 1
            return (
                image.width * image.height
                if image.format == "JPEG" and is_upright(image) and coloured
                else 0
            )
    except Exception:  # Pillow will say what it is
        return 0
