"""A reference picture that comes on stdin: kept in a private file until the command ends."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from pipeline.errors import ConfigError, InputError

STDIN = Path("-")
_NAME = "standard input"


def received(reference: Path | None, context: typer.Context) -> Path | None:
    """The reference; where it is ``-``, a file with the picture on stdin, removed with the command.

    Raises ConfigError where stdin is a terminal, InputError for what is no usable picture.
    """
    if reference != STDIN:
        return reference
    from indexes.decode import MAX_BYTES, decode, quiet
    from indexes.errors import GalleryError

    if sys.stdin.isatty():
        raise ConfigError("REF is - and nothing is piped in", "for example: … | likebut query -")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if not data:
        raise InputError("no picture on standard input: it is empty", "pipe a picture's bytes in")
    if len(data) > MAX_BYTES:
        raise InputError(f"the picture on {_NAME} is larger than {MAX_BYTES >> 20} MB")
    try:
        with quiet():
            decode(data, _NAME)
    except GalleryError as problem:
        raise InputError(f"the reference cannot be used: {problem.message}") from problem
    try:
        folder = TemporaryDirectory(prefix="likebut-")
        context.call_on_close(folder.cleanup)
        place = Path(folder.name) / "stdin"
        place.write_bytes(data)
    except OSError as problem:
        raise InputError(f"cannot keep the picture on {_NAME}: {problem.strerror}") from problem
    return place
