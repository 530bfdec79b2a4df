"""Files of lines, plain or compressed, or the standard streams: written whole, read with a limit."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from ...errors import ConfigError, InputError
from ...records.lines import without_mark
from .entry import BadLine

STREAM = Path("-")
# Far more than any prompt with its schema; a line without an end must not fill the memory.
LONGEST_LINE = 8 * 2**20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@contextmanager
def writing(path: Path, *, force: bool = False) -> Iterator[IO[bytes]]:
    """A stream of bytes to ``path``, compressed where it ends with .gz or .zst; "-" is stdout.

    The file appears when it is whole. Raises ConfigError for one that is there already (unless
    ``force``), InputError where none can be made.
    """
    if path == STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already", "name another file, or add --force")
    draft = path.with_name(f".{path.name}.part")
    try:
        with ExitStack() as stack:
            raw = stack.enter_context(draft.open("wb"))
            yield stack.enter_context(_compressed(raw, path.suffix))
        draft.replace(path)
    except OSError as problem:
        raise InputError(f"cannot write {path}: {problem.strerror}", "check the path") from problem
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _compressed(raw: IO[bytes], ending: str) -> Iterator[IO[bytes]]:
    if ending == ".gz":  # without a date, so that equal answers make equal files
        with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
            yield cast("IO[bytes]", packed)
    elif ending == ".zst":
        import pyarrow

        with pyarrow.CompressedOutputStream(raw, "zstd") as packed:
            yield packed
    else:
        yield raw


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file without their ends; how it is compressed is seen from its first bytes.

    Raises InputError for a file that cannot be opened, and BadLine where it is damaged or a line
    is longer than LONGEST_LINE.
    """
    with ExitStack() as stack:
        try:
            raw = sys.stdin.buffer if path == STREAM else stack.enter_context(path.open("rb"))
        except OSError as problem:
            raise InputError(f"cannot read {path}: {problem.strerror}", "check the path") from None
        try:
            yield from without_mark(_lines(_plain(raw)))
        except (OSError, EOFError, zlib.error, ValueError) as problem:
            words = (str(problem).splitlines() or [type(problem).__name__])[0]
            raise BadLine(f"the file is damaged: {words}") from problem


def _plain(raw: Any) -> IO[bytes]:
    head = raw.peek(4)[:4]
    if head.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
    if head == _ZSTD:
        import pyarrow

        return io.BufferedReader(pyarrow.CompressedInputStream(raw, "zstd"))
    return cast("IO[bytes]", raw)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise BadLine(f"longer than {LONGEST_LINE >> 20} MB")
        yield line.rstrip(b"\r\n")
