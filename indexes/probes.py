"""Queries of several kinds, made of a gallery's own vectors: a compressed form is measured on them.

Composed queries are no gallery items: they are sums, with weights of both signs, of texts and pictures,
and texts lie apart from pictures. So rows of the gallery alone would promise too much. The kinds:

- ``rows``: rows of the gallery;
- ``sums``: sums of 2 to 5 rows, the first with weight 1, others between -0.5 and 1;
- ``apart``: the same without the gallery's mean, half of it the spread of the gallery by lot, with some of
  its mean, of either sign, and as much as all that again in any direction: as texts lie apart from
  pictures, also where pictures hardly differ;
- ``across``: sums of rows of the other side (captions of pictures, pictures of captions), where there is
  one, and of rows of this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .stored import Stored

MOST = 5  # rows of a sum
MIXED = 16  # rows whose sum, with signs by lot, is spread as the gallery is
GAP = 3.0  # length of what lies in any direction; that of the rest is about the root of 2
AGAIN = 50  # times that rows of zeros are drawn again
LEAST_WEIGHT, MOST_WEIGHT = -0.5, 1.0


def probes(vectors: Stored, other: Stored | None, count: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Kind → (count, d) float32 unit queries; the same for the same seed and vectors.

    Rows of zeros, as of pictures without a caption, are none: where nearly all are, a kind has fewer.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    mean = np.asarray(vectors.mu, np.float32)
    rows = _drawn(vectors, (count, MOST), rng)
    weights = _weights(count, rng)
    made = {"rows": rows[:, 0], "sums": _sum(rows, weights)}
    spread = _drawn(vectors, (count, MIXED), rng) - mean
    noise = _sum(spread, rng.choice([-1.0, 1.0], (count, MIXED)))
    offset = rng.uniform(-1, 1, (count, 1)) * mean
    gap = GAP * _unit(rng.standard_normal((count, vectors.dimension)))
    made["apart"] = _unit(_sum(rows - mean, weights)) + _unit(noise) + offset + gap
    if other is not None and other.dimension == vectors.dimension:
        theirs = _drawn(other, (count, MOST), rng)
        ours = _drawn(vectors, (count, 1), rng)
        made["across"] = _sum(theirs, _weights(count, rng)) + rng.uniform(0, 1, (count, 1)) * ours[:, 0]
    told = {kind: queries[queries.any(axis=1)] for kind, queries in made.items()}
    return {kind: _unit(queries).astype(np.float32) for kind, queries in told.items() if len(queries)}


def _drawn(vectors: Stored, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """(n, m, d) of rows by lot, those of zeros drawn again some times."""
    import numpy as np

    drawn = vectors.take(rng.integers(0, vectors.count, shape).ravel())
    for _ in range(AGAIN):
        empty = np.flatnonzero(~drawn.any(axis=1))
        if not len(empty):
            break
        drawn[empty] = vectors.take(rng.integers(0, vectors.count, len(empty)))
    return drawn.reshape(*shape, vectors.dimension)


def _weights(count: int, rng: np.random.Generator) -> NDArray[Any]:
    """(count, MOST): 1, then others for 2 to 5 rows, then zeros."""
    import numpy as np

    weights = rng.uniform(LEAST_WEIGHT, MOST_WEIGHT, (count, MOST))
    weights[:, 0] = 1
    weights[np.arange(MOST) >= rng.integers(2, MOST + 1, (count, 1))] = 0
    return weights


def _sum(rows: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    total: NDArray[Any] = np.einsum("nmd,nm->nd", rows, weights.astype(np.float32))
    return total


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    units: NDArray[Any] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return units
