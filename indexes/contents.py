"""Whether the files of an index are still those that were indexed, by reading every one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .errors import Problem, readable
from .files import sha256_of
from .store import Index


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
            if sha256_of(Path(item.path)) != item.content_hash:
                changed.append(Problem(readable(item.path), "changed since it was indexed"))
        except FileNotFoundError:
            changed.append(Problem(readable(item.path), "gone"))
        except OSError as error:
            changed.append(Problem(readable(item.path), (error.strerror or "cannot be read").lower()))
        if on_progress:
            on_progress(number, len(items))
    return tuple(changed)
