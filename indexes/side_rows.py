"""The vectors of the next caption side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .captions import means
from .shards import take_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .captions import TextEncoder
    from .items import Item
from .stored import Stored


@dataclass(frozen=True)
class Rows:
    """Rows of the next caption side, block by block: taken over, encoded, or zeros."""

    items: Sequence[Item]
    places: Sequence[int]
    old: Stored | None
    encoder: TextEncoder | None
    dimension: int
    on_progress: Callable[[int, int], None] | None

    def __call__(self, start: int, stop: int) -> NDArray[Any]:
        """(stop - start, d) float32."""
        import numpy as np

        rows = np.zeros((stop - start, self.dimension), np.float32)
        places = np.array(self.places[start:stop], np.int64)
        taken = np.flatnonzero(places >= 0)
        if len(taken) and self.old:
            rows[taken] = take_rows(self.old.vectors(), places[taken])
        todo = [at for at in np.flatnonzero(places < 0) if self.items[start + int(at)].caption]
        if todo and self.encoder:
            texts = [(self.items[start + int(at)].caption or "").split("\n") for at in todo]
            rows[todo] = means(texts, self.encoder)
        if self.on_progress:
            self.on_progress(stop, len(self.items))
        return rows
