"""The program around the commands: streams that may be closed, Ctrl-C from the first import on,
and problems as one line with an exit code. A bug keeps its traceback.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

# Of the machine and its files, and no bug of ours, wherever it happens.
_OF_THE_MACHINE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.EBADF,
)


def main() -> NoReturn:
    """Run the program and exit."""
    _start_quickly()
    try:
        open_streams()
        code = _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _interrupted()
    except OSError as problem:
        code = _of_the_machine(problem)
    _close()
    gc.freeze()  # or the interpreter, on its way out, goes several times through all that was imported
    sys.exit(code)


def _start_quickly() -> None:
    """Leave out what a start can do without; a known answer takes little more time than a start."""
    gc.set_threshold(100_000)  # nearly all that is made while modules are imported stays
    # looking for plugins of pydantic reads the metadata of every package that is installed
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _run() -> int:
    from ...indexes.errors import GalleryError
    from ..errors import LikebutError

    try:
        from .app import called
        from .output import hear_notices

        hear_notices()
        called(sys.argv[1:])()
    except (LikebutError, GalleryError) as problem:
        _say(problem.message, problem.hint)
        return int(problem.exit_code)
    except SystemExit as end:
        if type(sys.stdout).__name__ == "PacifyFlushWrapper":  # click: the reader of a pipe has gone
            return 0
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def _interrupted() -> int:
    with suppress(KeyboardInterrupt, OSError):
        _say("interrupted", "what was finished is kept; run the same command to continue")
    return 130


def _of_the_machine(problem: OSError) -> int:
    """A reader that has gone is no problem; what the disk or a right refuses is one line."""
    if isinstance(problem, BrokenPipeError):
        return 0
    if problem.errno not in _OF_THE_MACHINE:
        raise problem
    what = str(problem.filename) if problem.filename else "the output"
    with suppress(OSError):
        _say(f"cannot use {what}: {problem.strerror}", "check the place, its rights and its space")
    return 3


def _say(message: str, hint: str) -> None:
    from .output import say_error

    say_error(message, hint)


def open_streams() -> None:
    """Make the three standard streams usable, whatever the shell left of them.

    A closed one becomes a place where nothing can be read or written, so that no file that is opened
    later gets its number. File names are printed as they are on disk, and what an encoding lacks
    as an escape.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    import codecs

    codecs.register_error("disk", _as_on_disk)
    for stream, errors in ((sys.stdout, "disk"), (sys.stderr, "backslashreplace")):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)


def _as_on_disk(problem: UnicodeError) -> tuple[str | bytes, int]:
    """The bytes of a name that is no text; an escape for what an encoding cannot say."""
    assert isinstance(problem, UnicodeEncodeError)
    character = problem.object[problem.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), problem.start + 1
    return character.encode("unicode_escape").decode(), problem.start + 1


def _close() -> None:
    """Flush what is left; a stream that cannot take it must not complain at the very end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
