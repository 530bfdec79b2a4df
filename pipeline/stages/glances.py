"""Whether references are pictures, and how even they look: seen once, and remembered by their bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...indexes.errors import GalleryError
from ..records.keys import content_key, file_hash
from . import photographs

if TYPE_CHECKING:
    from ..asking.cache import Cache

_SIZE = 224  # what a reference is opened at: cheap for a large JPEG


@dataclass(frozen=True)
class Glances:
    """Looks at references; what was seen of a file is kept in the ``cache``, where there is one.

    That a picture can be used is remembered, and never that it cannot: a package may be installed. Where
    nothing ``keeps`` it, the cache is only looked at.
    """

    cache: Cache | None = None
    keeps: bool = True

    def __call__(self, references: Sequence[Path]) -> dict[Path, float | str]:
        """The `evenness` of each picture, or why it cannot be used."""
        keys = {reference: _key(reference) for reference in references}
        known = self._known([key for key in keys.values() if key])
        found: dict[Path, float | str] = {}
        new: dict[str, Mapping[str, Any]] = {}
        for reference, key in keys.items():
            if key in known:
                found[reference] = float(known[key]["evenness"])
                continue
            seen = found[reference] = _seen(reference)
            # of the bytes that were hashed: a file may be written meanwhile
            if key and isinstance(seen, float) and key == _key(reference):
                new[key] = {"evenness": seen}
        if self.cache and new and self.keeps:
            self.cache.put_facts(new)
        return found

    def _known(self, keys: Sequence[str]) -> Mapping[str, Any]:
        return self.cache.facts(keys) if self.cache else {}


def _seen(reference: Path) -> float | str:
    from ...indexes.decode import load_image

    try:
        return photographs.evenness(load_image(reference, _SIZE))
    except GalleryError as problem:
        return problem.message


def _key(reference: Path) -> str:
    """Of the bytes of a file, and of how it is read; "" where it is no file to be read here."""
    from ...indexes.remote import as_address

    if as_address(reference):
        return ""
    try:
        image = file_hash(reference)
    except OSError:  # `load_image` says what is wrong
        return ""
    how = [_SIZE, photographs.SIDE, photographs.ALIKE, photographs.COMMON, reference.suffix.lower()]
    return content_key(kind="glance", image=image, how=how)
