"""Files that commands write: made whole beside their place, then put there in one step."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from ..errors import ConfigError


def check_file(path: Path, what: str) -> None:
    """Raises ConfigError where no file can be written at ``path``: before the work is done for it.

    ``what`` is how the place was named ("--report").
    """
    if path.is_dir():
        raise ConfigError(f"{what} {path} is a folder", "name a file")
    _probe(path.parent, f"{what} {path}")


def check_folder(path: Path, what: str) -> None:
    """Raises ConfigError where ``path`` is no folder, or none can be made or written there."""
    if os.path.lexists(path) and not path.is_dir():
        raise ConfigError(f"{what} {path} is no folder", "name a folder, or one that is to be made")
    _probe(path, f"{what} {path}")


def _probe(folder: Path, what: str) -> None:
    """Write and remove a file in the nearest folder that is there."""
    try:
        while not os.path.lexists(folder) and folder != folder.parent:
            folder = folder.parent
        handle, name = mkstemp(prefix=".likebut.", suffix=".part", dir=folder)
        os.close(handle)
        os.unlink(name)
    except OSError as problem:
        raise ConfigError(
            f"{what} cannot be written: {folder}: {problem.strerror}", "name another place"
        ) from problem


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new, empty file beside ``path`` that takes its place when the block ends well.

    Its name is nobody's; a file of the user's that is called much like it stays. Raises OSError.
    """
    handle, name = mkstemp(prefix=f".{path.name[:80]}.", suffix=".part", dir=path.parent)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        with suppress(OSError):
            draft.chmod(_mode_of(path))
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_at_once(path: Path, data: bytes) -> int:
    """A file of our own, whole or as it was; when it was written, as `stat` says it in nanoseconds.

    As `replacing`, with half the calls: in a busy server each of them waits for its turn. Raises OSError.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666)
    try:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            written = os.fstat(file).st_mtime_ns
        finally:
            os.close(file)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return written


def _mode_of(path: Path) -> int:
    """The rights of a file, or those that a new one has."""
    with suppress(FileNotFoundError):
        return path.stat().st_mode & 0o777
    return 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
