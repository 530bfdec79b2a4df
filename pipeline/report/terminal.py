"""Pictures inside a terminal: which way of showing them, and the bytes of each."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 256
COLUMNS = 48  # of half blocks
SIXEL_TERMINALS = ("sixel", "foot", "mlterm", "contour", "yaft")
_KITTY_CHUNK = 4096


def detect_terminal(environ: Mapping[str, str]) -> str | None:
    """ "kitty", "iterm2", "sixel" or "blocks", by the environment; None where nothing is drawn.

    A multiplexer swallows the pictures of the terminal it runs in, and passes colours on.
    """
    term = environ.get("TERM", "")
    if term in ("", "dumb"):
        return None
    if environ.get("TMUX") or term.startswith(("screen", "tmux")):
        return "blocks"
    if environ.get("KITTY_WINDOW_ID") or "kitty" in term or "ghostty" in term:
        return "kitty"
    if environ.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm"):
        return "iterm2"
    if any(name in term for name in SIXEL_TERMINALS):
        return "sixel"
    return "blocks"


def truecolour(environ: Mapping[str, str]) -> bool:
    """Whether the terminal says, or is known, to show more than 256 colours."""
    named = environ.get("COLORTERM") in ("truecolor", "24bit") or bool(environ.get("WT_SESSION"))
    return named or environ.get("TERM", "").endswith("direct")


def preview_sequence(
    path: Path, terminal: str, *, columns: int = COLUMNS, many_colours: bool = True
) -> bytes:
    """The bytes that draw a thumbnail of the picture. Raises BadImage where it is none."""
    from ...indexes.decode import load_image

    image = load_image(path, SIDE)
    image.thumbnail((SIDE, SIDE))
    return picture_sequence(image, terminal, columns=min(columns, COLUMNS), many_colours=many_colours)


def picture_sequence(image: Image, terminal: str, *, columns: int, many_colours: bool = True) -> bytes:
    """The bytes that draw a picture as it is, in half blocks at most ``columns`` wide."""
    if terminal in ("sixel", "blocks"):
        from .terminal_pictures import half_blocks, sixels

        if terminal == "sixel":
            return sixels(image)
        return half_blocks(image, columns, truecolour=many_colours)
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
