"""Which files are the gallery: a deterministic, recursive walk that opens no picture.

Names are kept as the operating system gives them (``surrogateescape``); ids are valid UTF-8, with
``\\xNN`` for each byte that is not. An id is the path below its root, with ``/``.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import GalleryError, Problem, readable
from .formats import optional_suffixes, why_not
from .remote import as_address, listed
from .videos import SUFFIXES as VIDEOS
from .videos import Frame, is_video

SUFFIXES = frozenset(
    f".{suffix}"
    for line in (
        "jpg jpeg jpe jfif mpo png apng webp gif bmp dib tif tiff",
        "jp2 j2k jpc jpf jpx ico icns ppm pgm pbm pnm tga pcx sgi qoi",
    )
    for suffix in line.split()
)


@dataclass(frozen=True)
class File:
    """One picture file: ``id`` in the gallery, absolute ``path``, ``size`` in bytes."""

    id: str
    path: str
    size: int
    mtime_ns: int
    ctime_ns: int = 0
    inode: int = 0


@dataclass(frozen=True)
class Scan:
    """The files found, by id, and the (path, reason) of what could not be looked into.

    ``left_out`` counts pictures, by their ending, of kinds that cannot be read here.
    """

    files: tuple[File, ...]
    problems: tuple[Problem, ...]
    left_out: tuple[tuple[str, int], ...] = ()
    videos: int = 0  # frames of each video; 0: videos were passed over


def scan(roots: Sequence[str | Path], videos: int = 0) -> Scan:
    """All picture files below ``roots`` (folders, or single files of any suffix; addresses of either).

    With ``videos`` also so many frames of each video that is no address; without, videos are passed over.
    Hidden files and folders are skipped, symbolic links followed, every folder entered once. Raises
    ``GalleryError`` for a root that does not exist.
    """
    groups: list[tuple[str, list[File]]] = []
    problems: list[Problem] = []
    seen: set[tuple[int, int]] = set()
    kinds = Kinds(VIDEOS if videos else frozenset())
    for root in roots:
        if address := as_address(root):
            groups.append(_listed(address.rstrip("/"), kinds))
            continue
        # not resolved: a linked folder keeps the name its owner knows
        base = os.path.abspath(root)
        if not os.path.exists(base):
            raise GalleryError(f"no such file or folder: {readable(str(root))}")
        if os.path.isdir(base):
            groups.append((os.path.basename(base), _walk(base, seen, problems, kinds)))
        else:
            found = _found(base, os.path.basename(base), problems)
            groups.append(("", [found] if found else []))
    files = _unique(groups)
    if videos:
        files = tuple(sorted(_spread(files, videos), key=lambda found: found.id))
    return Scan(files, tuple(problems), kinds.left_out(), videos)


def _walk(base: str, seen: set[tuple[int, int]], problems: list[Problem], kinds: Kinds) -> list[File]:
    """The pictures below ``base``; linked folders last, so that a real one keeps its name."""
    files: list[File] = []
    folders: list[str] = [base]
    linked: list[str] = []
    while folders or linked:
        folder = folders.pop() if folders else linked.pop(0)
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            problems.append(Problem(readable(folder), _reason(error)))
            continue
        below = os.path.relpath(folder, base).replace(os.sep, "/")
        before = "" if below == "." else f"{below}/"
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                (linked if entry.is_symlink() else folders).append(entry.path)
            elif kinds.takes(entry.name):
                found = _found(entry.path, before + entry.name, problems)
                if found:
                    files.append(found)
    return files


def _listed(address: str, kinds: Kinds) -> tuple[str, list[File]]:
    """The pictures at an address, and its name where it is a folder.

    A picture that is named itself is taken, whatever its ending.
    """
    own, files = os.path.basename(address), []
    alone = False
    for found in listed(address):
        alone = alone or not found.name
        hidden = any(part.startswith(".") for part in found.name.split("/"))
        if not found.name or (not hidden and not is_video(found.name) and kinds.takes(found.name)):
            name = readable(found.name or own)
            files.append(File(name, found.address, found.size, found.mtime_ns, 0, found.tag))
    return "" if alone else own, files


class Kinds:
    """Which files are pictures that can be read here, by their ending; counts the others."""

    def __init__(self, also: frozenset[str] = frozenset()) -> None:
        self.readable = SUFFIXES | optional_suffixes() | also
        self._others: Counter[str] = Counter()

    def takes(self, name: str) -> bool:
        """Whether a file is a picture that can be read."""
        suffix = os.path.splitext(name)[1].lower()
        if suffix in self.readable:
            return True
        if why_not(suffix):
            self._others[suffix] += 1
        return False

    def left_out(self) -> tuple[tuple[str, int], ...]:
        """(ending, how many), by ending."""
        return tuple(sorted(self._others.items()))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that points at itself
        return False


def _found(path: str, name: str, problems: list[Problem]) -> File | None:
    try:
        status = os.stat(path)
    except OSError as error:
        problems.append(Problem(readable(path), _reason(error)))
        return None
    if not stat.S_ISREG(status.st_mode):
        problems.append(Problem(readable(path), "not a regular file"))
        return None
    return File(readable(name), path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _reason(error: OSError) -> str:
    return (error.strerror or "cannot be read").lower()


def _spread(files: Iterable[File], videos: int) -> Iterator[File]:
    """The files with ``videos`` frames in the place of each video.

    The film of a Live Photo (.mov beside a picture of the same name) is none of its own.
    """
    found = list(files)
    stems = {os.path.splitext(one.path)[0].lower() for one in found if not is_video(one.path)}
    for one in found:
        stem, suffix = os.path.splitext(one.path)
        if not is_video(one.path):
            yield one
        elif suffix.lower() != ".mov" or stem.lower() not in stems:
            for number in range(1, videos + 1):
                ident = f"{one.id}#{number}of{videos}"
                yield replace(one, id=ident, path=Frame(one.path, number, videos).address)


def _unique(groups: Sequence[tuple[str, list[File]]]) -> tuple[File, ...]:
    """One entry per file, ids unique: roots that share an id prefix theirs with the root's name."""
    by_path: dict[str, tuple[str, File]] = {}
    for root, files in groups:
        for found in files:
            by_path.setdefault(found.path, (root, found))
    roots = Counter(name for _, name in {(root, found.id) for root, found in by_path.values()})
    clash = any(count > 1 for count in roots.values())
    taken: set[str] = set()
    unique: list[File] = []
    for path in sorted(by_path, key=os.fsencode):
        root, found = by_path[path]
        base = f"{readable(root)}/{found.id}" if clash and root else found.id
        name, number = base, 2
        while name in taken:
            name, number = f"{base}~{number}", number + 1
        taken.add(name)
        unique.append(found if name == found.id else replace(found, id=name))
    return tuple(sorted(unique, key=lambda found: found.id))
