"""What a family of scores is given: the grains of a query, and the rows they are held against.

A family is a file with a function ``score(asked, numbers)``. It gives named parts, (n,) arrays over the
rows of ``asked`` whose sum is the score, or {} where the query has none of the grains it works on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ...indexes.contract import PICTURES
from ..errors import ConfigError
from ..records.trace import Grain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...indexes.contract import Gallery, Side


# What the roles and names of grains begin with that score something else than whole pictures.
CAPTION_SIDE, REGION_SIDE = "caption/", "region/"


class Family(NamedTuple):
    """``target`` is its module, ``numbers`` what it takes, with what they are where nobody says.

    One that ``folds`` has a function ``folds(asked)``, the vector of every side whose inner products
    are its score, so that a searcher finds the best rows; the others look at every row.
    ``captions``: one that does not fold, and scores captions beside pictures all the same.
    """

    target: str
    numbers: Mapping[str, float] = {}
    folds: bool = False
    captions: bool = False


@dataclass(frozen=True)
class Candidates:
    """The grains of a query, and the ``rows`` of a gallery they are held against; None: every row."""

    grains: Sequence[Grain]
    gallery: Gallery
    calibration: str = "none"
    rows: NDArray[Any] | None = field(default=None, compare=False)

    def side(self, name: str) -> Side:
        """A side of the gallery. Raises ConfigError where it has none of that name."""
        side = self.gallery.side(name)
        if side is None:
            hint = f"likebut index caption {self.gallery.folder}"
            raise ConfigError(f"the index in {self.gallery.folder} has no {name}", hint)
        return side

    def shards(self, side: str = PICTURES) -> Sequence[NDArray[Any]]:
        """The vectors of the rows on one side, as (n, d) blocks in their order."""
        here = self.side(side)
        return here.vectors() if self.rows is None else [here.take(self.rows)]

    @property
    def mu(self) -> NDArray[Any]:
        """(d,) the mean of all pictures."""
        return self.side(PICTURES).mu

    def vectors(self, role: str) -> NDArray[Any]:
        """(m, d) unit vectors of a role, in order; m may be 0."""
        import numpy as np

        found = [grain.vector for grain in self.grains if grain.role == role]
        return np.stack(found) if found else np.empty((0, len(self.mu)), np.float32)

    def vector(self, role: str) -> NDArray[Any] | None:
        """The (d,) unit vector of a role: the mean direction of its grains, None without any."""
        found = self.vectors(role)
        return unit(found.mean(0)) if len(found) else None

    def cosines(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """(m, n) cosines of (m, d) unit vectors with the pictures."""
        import numpy as np

        wanted = np.atleast_2d(vectors).astype(np.float32)
        parts = [wanted @ shard.astype(np.float32).T for shard in self.shards()]
        return np.concatenate(parts, axis=1)

    def cosine(self, vector: NDArray[Any]) -> NDArray[Any]:
        """(n,) cosines of one (d,) unit vector."""
        result: NDArray[Any] = self.cosines(vector[None])[0]
        return result


def unit(vector: NDArray[Any]) -> NDArray[Any]:
    """The vector at length 1; the zero vector stays."""
    import numpy as np

    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
