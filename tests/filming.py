"""Tiny videos for tests, written by PyAV: pictures of half a second each, or from times that are said."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from PIL import Image


def film(
    path: Path,
    pictures: Sequence[Image.Image | str],
    *,
    times: Sequence[int] | None = None,
    turned: int = 0,
    codec: str = "mpeg4",
    aspect: Fraction | None = None,
) -> Path:
    """A video of these pictures, or colours of 64 × 48; ``times`` in milliseconds."""
    import av

    shown = [Image.new("RGB", (64, 48), one) if isinstance(one, str) else one for one in pictures]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30 if times else 2)
        stream.width, stream.height = shown[0].size
        stream.pix_fmt = "yuv420p"
        if turned:
            stream.set_display_rotation(turned)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        for number, picture in enumerate(shown):
            frame = av.VideoFrame.from_image(picture)
            if times:
                frame.time_base, frame.pts = Fraction(1, 1000), times[number]
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def sound(path: Path) -> Path:
    """A file of the same kind without a picture track."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.sample_rate = 8000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
