"""How paths are spelled: in JSON one way for every picture, for people the way they typed it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from ...indexes.remote import as_address
from ...indexes.videos import told

STDIN = "-"
CLIPBOARD = "clipboard:"
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def is_address(reference: str) -> bool:
    """Whether a reference lies on a web server."""
    return bool(_ADDRESS.match(reference))


def is_no_file(reference: str) -> bool:
    """Whether a reference is named that is no file: ``-``, ``clipboard:``, an address."""
    return reference in (STDIN, CLIPBOARD) or is_address(reference)


def whole(path: str) -> str:
    """The one spelling of a picture: the real path of its folder, and its own name.

    A picture that is a link keeps its name, and an address is one already. Empty stays empty.
    """
    if not path or as_address(path):
        return as_address(path)
    return _whole(path if os.path.isabs(path) else os.path.abspath(path))


def whole_if_there(path: Path) -> str:
    """The one spelling of a file; what is no file here, such as the id of an item, stays as it is."""
    return whole(str(path)) if path.exists() else str(path)


def as_typed(path: str, folders: Path | Sequence[Path] | None) -> str:
    """``path`` below that of ``folders`` which holds it, as the folder was typed; else unchanged.

    A frame of a video is spelled as its file and its moment: ``clip.mp4#t=12.5``.
    """
    path = told(path)
    typed = [folders] if isinstance(folders, Path) else list(folders or ())
    for folder in typed:
        for base in dict.fromkeys((os.path.abspath(folder), os.path.realpath(folder))):
            start = base if base.endswith(os.sep) else base + os.sep
            if path.startswith(start):
                return str(folder / path[len(start) :])
    return path


@lru_cache(maxsize=4096)  # a picture is a hit of many queries
def _whole(path: str) -> str:
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(_real(folder), name)


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder)
