"""Pictures inside a terminal: the escape sequences of kitty and iTerm2."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path

SIDE = 256
_KITTY_CHUNK = 4096


def detect_terminal(environ: Mapping[str, str]) -> str | None:
    """ "kitty", "iterm2", or None for a terminal that shows no pictures."""
    if environ.get("KITTY_WINDOW_ID") or "kitty" in environ.get("TERM", ""):
        return "kitty"
    if environ.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm"):
        return "iterm2"
    return None


def preview_sequence(path: Path, terminal: str) -> bytes:
    """The bytes that draw a thumbnail of the picture. Raises BadImage where it is none."""
    from indexes.decode import load_image

    image = load_image(path, SIDE)
    image.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue())
    if terminal == "iterm2":
        size = len(buffer.getvalue())
        return b"\x1b]1337;File=inline=1;size=%d:" % size + data + b"\a"
    chunks = [data[start : start + _KITTY_CHUNK] for start in range(0, len(data), _KITTY_CHUNK)]
    parts = []
    for number, chunk in enumerate(chunks):
        first = b"a=T,f=100," if number == 0 else b""
        more = b"1" if number + 1 < len(chunks) else b"0"
        parts.append(b"\x1b_G" + first + b"m=" + more + b";" + chunk + b"\x1b\\")
    return b"".join(parts)
