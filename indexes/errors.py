"""What can go wrong with a gallery: one clear message, a hint, and the exit code it ends with."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_MODEL = 4
EXIT_BUSY = 7


class Problem(NamedTuple):
    """A file or an item by name, and what is wrong with it."""

    name: str
    reason: str


class GalleryError(Exception):
    """A problem the user can act on: one clear ``message`` and, where there is one, a ``hint``."""

    def __init__(self, message: str, hint: str = "", exit_code: int = EXIT_INPUT) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


class IndexMissing(GalleryError):
    """There is no index in the folder."""


class IndexIncompatible(GalleryError):
    """The index belongs to another encoder or to a newer format."""


class IndexDamaged(GalleryError):
    """A file of the index is missing, cut or changed; the hint rebuilds it."""


class IndexStale(GalleryError):
    """Captions or regions belong to earlier rows of the index, or to another encoder."""


class IndexBusy(GalleryError):
    """Another process is writing the index, and it was asked not to wait for it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, EXIT_BUSY)


class NoImages(GalleryError):
    """Nothing is left that could be indexed."""


class NotWritable(GalleryError):
    """The index folder may only be read."""


class DiskFull(GalleryError):
    """The disk that holds the index has no room; the previous index is as it was."""


class BadImage(GalleryError):
    """One file that is no usable picture; ``reason`` is a few words, ``lasting`` if bytes decide
    it.
    """

    def __init__(self, name: str, reason: str, lasting: bool = True) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason
        self.lasting = lasting


def rebuild_hint(folder: Path, roots: Sequence[str] = ()) -> str:
    """The command that makes the index in ``folder`` anew from ``roots``."""
    shown = roots if len(roots) <= 3 else ()
    pictures = " ".join(shlex.quote(readable(root)) for root in shown) or "IMAGES"
    target = shlex.quote(readable(str(folder)))
    return f"rebuild it: likebut index build {pictures} --out {target} --rebuild"


def another_hint(roots: Sequence[str] = ()) -> str:
    """What to do about an index that is whole, and of another encoder: it took its maker long."""
    pictures = " ".join(shlex.quote(readable(root)) for root in roots[:3]) or "IMAGES"
    return (
        "name the profile that made it with --profile, or another folder: "
        f"likebut index build {pictures} --out NEW"
    )


def readable(name: str) -> str:
    """``name`` as text that any terminal or file can hold: undecodable bytes become ``\\xNN``."""
    raw = name.encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace")


def caption_command(folder: Path) -> str:
    """The command that makes, completes or realigns the caption side of the index in ``folder``."""
    return f"likebut index caption {shlex.quote(readable(str(folder)))}"


def side_damaged(folder: Path, error: GalleryError) -> IndexDamaged:
    """The error that says how a caption side that is damaged is made anew; see ``rescue``."""
    return IndexDamaged(
        error.message,
        f"make it anew: {caption_command(folder)} (or likebut index build … --captions FILE); what is "
        "there is moved aside",
    )


def regions_command(folder: Path, roots: Sequence[str] = (), kind: str = "") -> str:
    """The command that brings the region side of the index in ``folder`` up, or makes it anew."""
    command = rebuild_hint(folder, roots).partition(": ")[2].removesuffix(" --rebuild")
    return f"{command} --regions {kind or 'KIND'}"


def regions_damaged(
    folder: Path, error: GalleryError, roots: Sequence[str] = (), kind: str = ""
) -> IndexDamaged:
    """The error that says how a region side that is damaged is made anew."""
    return IndexDamaged(error.message, f"make them anew: {regions_command(folder, roots, kind)}")


def first_line(problem: BaseException, most: int = 160) -> str:
    """The first line of what an exception says, so many letters of it; its kind where it says nothing."""
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0][:most]


def compress_command(folder: Path) -> str:
    """The command that makes the compressed form of the index in ``folder`` anew."""
    return f"likebut index compress {shlex.quote(readable(str(folder)))}"
