"""Scores that are not linear in the gallery's vectors: computed for every picture, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pipeline.records.trace import Grain
from pipeline.scoring import FAMILIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexes.store import Index


@dataclass(frozen=True)
class WholeQuery:
    """The grains of a query, and the gallery they are held against."""

    grains: Sequence[Grain]
    shards: Sequence[NDArray[Any]]
    mu: NDArray[Any]

    @property
    def count(self) -> int:
        """n, the number of pictures."""
        return sum(len(shard) for shard in self.shards)

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
        """(m, n) cosines of (m, d) unit vectors with every picture."""
        import numpy as np

        wanted = np.atleast_2d(vectors).astype(np.float32)
        parts = [wanted @ shard.astype(np.float32).T for shard in self.shards]
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


def parts(
    index: Index, grains: Sequence[Grain], family: str, numbers: Mapping[str, float]
) -> dict[str, NDArray[Any]]:
    """Named (n,) arrays that sum to the scores of a family (see `FAMILIES`)."""
    module = import_module(f"pipeline.scoring.{family}")
    query = WholeQuery(grains, index.vectors(), index.mu)
    found: dict[str, NDArray[Any]] = module.score(query, {**FAMILIES[family], **numbers})
    return found
