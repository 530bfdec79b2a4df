"""A reference picture that is no file yet: on stdin, on the clipboard, or at an address.

It is kept in a private file until the command ends.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from ..errors import ConfigError, InputError
from ..machine.spelling import CLIPBOARD, STDIN, is_no_file

_WAIT = 30.0  # seconds without a byte from a server


def received(reference: str | None, context: typer.Context, *, offline: bool = False) -> Path | None:
    """The file of a reference; one made for this command where it is no file.

    Raises ConfigError where there is nowhere to take it from, InputError for what is no usable picture.
    """
    if reference is None or not is_no_file(reference):
        return Path(reference) if reference else None
    if reference == STDIN:
        data, name = _piped(), "standard input"
    elif reference == CLIPBOARD:
        data, name = _copied(), "the clipboard"
    else:
        data, name = _fetched(reference, offline), reference
    return _kept(data, name, context)


def name_of(reference: str | None) -> str:
    """What a trace calls a reference that is no file of the person's; empty for a file."""
    return reference if reference and is_no_file(reference) else ""


def _kept(data: bytes, name: str, context: typer.Context) -> Path:
    from ...indexes.decode import decode, quiet
    from ...indexes.errors import GalleryError

    if not data:
        raise InputError(f"no picture on {name}: it is empty", "pipe or copy a picture's bytes")
    _check_size(len(data), name)
    try:
        with quiet():
            decode(data, name)
    except GalleryError as problem:
        raise InputError(f"the reference cannot be used: {problem.message}") from problem
    try:
        folder = TemporaryDirectory(prefix="likebut-")
        context.call_on_close(folder.cleanup)
        place = Path(folder.name) / "reference"
        place.write_bytes(data)
    except OSError as problem:
        raise InputError(f"cannot keep the picture of {name}: {problem.strerror}") from problem
    return place


def _check_size(size: int, name: str) -> None:
    from ...indexes.decode import MAX_BYTES

    if size > MAX_BYTES:
        raise InputError(f"the picture of {name} is larger than {MAX_BYTES >> 20} MB")


def _piped() -> bytes:
    from ...indexes.decode import MAX_BYTES

    if sys.stdin.isatty():
        raise ConfigError("REF is - and nothing is piped in", "for example: … | likebut query -")
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _copied() -> bytes:
    """The picture on the clipboard, or the first file that was copied in a file manager."""
    import io

    from PIL import ImageGrab

    try:
        found = ImageGrab.grabclipboard()
    except NotImplementedError as problem:
        raise ConfigError(
            "the clipboard cannot be read here", "install wl-clipboard (Wayland) or xclip (X11)"
        ) from problem
    except OSError as problem:
        raise InputError(f"the clipboard cannot be read: {problem}") from problem
    if isinstance(found, list) and found:
        try:
            return Path(found[0]).read_bytes()
        except OSError as problem:
            raise InputError(f"cannot read {found[0]}: {problem.strerror}") from problem
    if found is None or isinstance(found, list):
        raise InputError("no picture on the clipboard", "copy a picture first")
    buffer = io.BytesIO()
    found.save(buffer, "PNG")
    return buffer.getvalue()


def _fetched(address: str, offline: bool) -> bytes:
    """What lies at an http address. Raises ConfigError offline, InputError where it cannot be had."""
    import http.client
    import urllib.error
    import urllib.request

    from ...indexes.decode import MAX_BYTES

    if offline:
        raise ConfigError(
            f"{address} is not on this machine, and --offline forbids the network",
            "fetch the picture first, or leave out --offline",
        )
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "likebut", "Accept": "image/*"})
        with urllib.request.urlopen(request, timeout=_WAIT) as answer:
            length = answer.headers.get("Content-Length", "")
            _check_size(int(length) if length.isdigit() else 0, address)
            data: bytes = answer.read(MAX_BYTES + 1)
            return data
    except urllib.error.HTTPError as problem:
        why = f"the server says {problem.code} {problem.reason}"
    except (OSError, ValueError, http.client.HTTPException) as problem:
        why = str(getattr(problem, "reason", "") or problem or type(problem).__name__)
    raise InputError(f"cannot fetch {address}: {why}", "check the address, or save the picture")
