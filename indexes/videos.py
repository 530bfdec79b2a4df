"""Frames of videos as pictures at addresses: ``video:///folder/clip.mp4#3of8`` is the third of eight.

Frames are spread evenly: the i-th of N is what is shown at (i − ½)/N of the video's length. Their bytes
are what this module makes of them, upright and in square pixels, as a PPM file. PyAV (likebut's extra
``video``) reads them, and only up to the frame that is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, NamedTuple

from .errors import EXIT_MODEL, EXIT_USAGE, BadImage, GalleryError, Problem, first_line, readable

SUFFIXES = frozenset(
    f".{ending}"
    for line in ("3gp avi flv m2ts m4v mkv mov mp4 mpeg mpg mts ogv webm wmv",)
    for ending in line.split()
)
MOST = 1000  # frames of a video
EXTRA = "pip install 'likebut[video]'"
_SCHEME = "video://"
_NUMBER = re.compile(r"#(\d+)of(\d+)\Z")


class Frame(NamedTuple):
    """The ``number``-th of ``of`` frames of the video in ``file``, from 1 on."""

    file: str
    number: int
    of: int

    @property
    def address(self) -> str:
        """Where it lies, as the path of an item."""
        return f"{_SCHEME}{self.file}#{self.number}of{self.of}"

    @property
    def share(self) -> float:
        """Where in the video, from 0 to 1."""
        return (self.number - 0.5) / self.of


class Absent(GalleryError):
    """PyAV is not installed."""

    def __init__(self) -> None:
        super().__init__("frames of videos need the package av", EXTRA, EXIT_MODEL)


def frame_of(address: str) -> Frame | None:
    """The frame that an address, or a path made of one, means; None where it means something else."""
    match = _NUMBER.search(address) if address.startswith("video:/") else None
    if match is None:
        return None
    file = re.sub(r"\Avideo:/+", "" if os.name == "nt" else "/", address[: match.start()])
    return Frame(file, int(match[1]), int(match[2]))


def file_of(path: str) -> str:
    """The file that a picture lies in: of a frame its video, else the path itself."""
    frame = frame_of(path)
    return frame.file if frame else path


def without_number(name: str) -> str:
    """The id of a frame's video, of any other item its own."""
    return _NUMBER.sub("", name)


def is_video(path: str) -> bool:
    """Whether a file is a video, by its ending."""
    return os.path.splitext(path)[1].lower() in SUFFIXES


def check(videos: int) -> None:
    """Raise ``GalleryError`` for a number of frames that there cannot be, or without PyAV."""
    if not 0 <= videos <= MOST:
        raise GalleryError(f"no {videos} frames of a video", f"a number up to {MOST}", EXIT_USAGE)
    if videos and not find_spec("av"):
        raise Absent


def one_each(paths: Sequence[str]) -> list[int]:
    """The places of the first path of each file, in order; of items without a file all."""
    first: dict[object, int] = {}
    for at, path in enumerate(paths):
        first.setdefault(file_of(path) or at, at)
    return list(first.values())


def named(problems: Iterable[tuple[str, str]]) -> tuple[Problem, ...]:
    """Problems of files for people, by path: of a video each once, whichever frame has it."""
    return tuple(sorted({Problem(readable(file_of(path)), reason) for path, reason in problems}))


def read_frame(frame: Frame) -> bytes:
    """The frame as a PPM file. Raises ``BadImage``."""
    with _opened(frame.file) as (container, stream):
        _check_size(frame.file, stream)
        found = _shown_at(container, stream, frame.share)
        if found is None:
            raise BadImage(frame.file, "truncated")
        image = _upright(found, stream)
    return b"P6 %d %d 255\n%b" % (*image.size, image.tobytes())


@lru_cache(maxsize=4096)
def _moment(frame: Frame, mtime_ns: int) -> float:
    with _opened(frame.file) as (container, stream):
        _, length = _span(container, stream)
    return round(length * frame.share, 1)


def moment_of(frame: Frame) -> float | None:
    """Seconds from the start of the video to the frame; None where that cannot be said here."""
    try:
        return _moment(frame, os.stat(frame.file).st_mtime_ns)
    except (OSError, GalleryError):
        return None


def told(path: str) -> str:
    """A path for people: of a frame the video's, with the moment: ``clip.mp4#t=12.5``."""
    frame = frame_of(path)
    if frame is None:
        return path
    moment = moment_of(frame)
    return f"{frame.file}#{frame.number}of{frame.of}" if moment is None else f"{frame.file}#t={moment:g}"


@contextmanager
def _opened(file: str) -> Iterator[tuple[Any, Any]]:
    """A video and its picture track. Raises ``BadImage`` for one that cannot be read."""
    try:
        import av
    except ImportError:
        raise BadImage(readable(file), f"needs the package av: {EXTRA}", lasting=False) from None
    try:
        with open(file, "rb") as source, av.open(source) as container:
            tracks = [one for one in container.streams.video if not _is_cover(one)]
            if not tracks:
                raise BadImage(readable(file), "a video without pictures")
            yield container, tracks[0]
    except MemoryError as error:
        raise BadImage(readable(file), "not enough memory", lasting=False) from error
    except (av.error.FFmpegError, ArithmeticError, RuntimeError, ValueError) as error:
        said = getattr(error, "strerror", None) or first_line(error)
        raise BadImage(readable(file), f"no video that can be read ({said.lower()})") from error
    except OSError as error:
        raise BadImage(readable(file), (error.strerror or "cannot be read").lower(), False) from error


def _is_cover(stream: Any) -> bool:
    """Whether a picture track is the cover of a sound file."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _check_size(file: str, stream: Any) -> None:
    """Refuse what Pillow would. Raises ``BadImage``."""
    from PIL import Image

    pixels, limit = stream.width * stream.height, 2 * (Image.MAX_IMAGE_PIXELS or 0)
    if limit and pixels > limit:
        reason = f"too many pixels ({pixels // 10**6} MP; limit {limit // 10**6} MP)"
        raise BadImage(readable(file), reason, lasting=False)


def _span(container: Any, stream: Any) -> tuple[float, float]:
    """Start and length of a picture track in seconds; what does not say it is read to its end."""
    start = float((stream.start_time or 0) * stream.time_base)
    if stream.duration:
        return start, float(stream.duration * stream.time_base)
    if container.duration:
        return start, container.duration / 1_000_000
    ends = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
    container.seek(0)
    return start, float(max(ends, default=0) * stream.time_base) - start


def _shown_at(container: Any, stream: Any, share: float) -> Any:
    """The last frame that starts at or before this share of the video; None where there is none."""
    from av.error import FFmpegError

    start, length = _span(container, stream)
    moment = start + length * share
    try:
        container.seek(int(moment / stream.time_base), stream=stream)
    except FFmpegError:  # a file that can only be read from its beginning
        container.seek(0)
    last = None
    for frame in container.decode(stream):
        if last is not None and frame.time is not None and frame.time > moment:
            break
        last = frame
    return last


def _upright(frame: Any, stream: Any) -> Any:
    """The frame as an RGB picture, turned as the video says, in square pixels."""
    image = frame.to_image()
    aspect = stream.sample_aspect_ratio
    if aspect and aspect != 1:
        image = image.resize((max(1, round(image.width * aspect)), image.height))
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image
