"""Whether the files of an index are still those that were indexed, by reading every one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from .errors import BadImage, GalleryError, Problem
from .files import sha256_of
from .remote import as_address, read
from .store import Index
from .videos import named


def changed_files(
    folder: Path, on_progress: Callable[[int, int], None] | None = None
) -> tuple[Problem, ...]:
    """(path, "changed", "gone" or why it cannot be read) of files that are not as they were indexed.

    Reads every file. Items without a file (captions alone) are passed over. Raises as ``Index.open``.
    """
    items = [item for item in Index.open(Path(folder)).all_items() if item.path]
    changed: list[Problem] = []
    for number, item in enumerate(items, 1):
        try:
            if _hash_of(item.path) != item.content_hash:
                changed.append(Problem(item.path, "changed since it was indexed"))
        except FileNotFoundError:
            changed.append(Problem(item.path, "gone"))
        except BadImage as error:
            changed.append(Problem(item.path, error.reason))
        except GalleryError as error:
            changed.append(Problem(item.path, error.message))
        except OSError as error:
            changed.append(Problem(item.path, (error.strerror or "cannot be read").lower()))
        if on_progress:
            on_progress(number, len(items))
    return named(changed)


def _hash_of(path: str) -> str:
    """SHA-256 of what is there now. Raises ``OSError``, or ``GalleryError`` for an address."""
    address = as_address(path)
    return hashlib.sha256(read(address)).hexdigest() if address else sha256_of(Path(path))
