"""One side of a gallery in Milvus: a part of every vector, with statistics of its own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from .about import read_statistics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..items import Item
    from .gallery import Remote


class RemoteSide:
    """The vectors of one side, which begin at ``start`` in those of all."""

    def __init__(self, gallery: Remote, name: str, start: int) -> None:
        self.gallery, self.name, self.start = gallery, name, start

    @property
    def count(self) -> int:
        """Number of items."""
        return self.gallery.count

    @property
    def dimension(self) -> int:
        """d."""
        return self.gallery.dimension

    @property
    def mu(self) -> NDArray[np.float64]:
        """(d,) the mean."""
        return self._statistics[0]

    @property
    def sigma(self) -> NDArray[np.float64]:
        """(d, d) the covariance."""
        return self._statistics[1]

    def vectors(self) -> NoReturn:
        """Raises GalleryError, as the gallery does."""
        self.gallery.vectors()

    def items(self, rows: Sequence[int]) -> list[Item]:
        """The items of these rows, with their captions."""
        return self.gallery.items(rows)

    def take(self, rows: Sequence[int] | NDArray[Any]) -> NDArray[np.float32]:
        """(n, d) of these rows, in the order they are named."""
        import numpy as np

        found = [vector for _, vector in self.gallery.fetched(rows)]
        whole = np.stack(found) if found else np.empty((0, self.gallery.about.width), np.float32)
        return whole[:, self.start : self.start + self.dimension]

    @cached_property
    def _statistics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return read_statistics(self.gallery.server, self.name, self.dimension)
