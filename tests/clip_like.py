"""Vectors that are spread as those of CLIP are, drawn by lot: for measuring, where no pictures are.

Pictures lie in a cone (their mean is long), in clusters of very different sizes, and most of what
differs is in few directions (eigenvalues fall as a power of their rank). Texts lie in a cone of their
own (the modality gap) and point to what they are about only roughly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CONE, TEXT_CONE = 0.7, 0.8  # lengths of the means, of 1
FALL = 0.9  # eigenvalue i is i ** -FALL
OF_CLUSTER = 0.6  # share of the variance that lies between clusters
ABOUT = 0.5  # share of a text's own part that is the picture's
CLUSTER_ROWS = 200


class ClipLike:
    """Pictures and texts of ``dimension`` numbers about one world of clusters."""

    def __init__(self, rows: int, dimension: int, seed: int = 0) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.dimension = dimension
        basis = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0]
        spread = np.arange(1, dimension + 1) ** (-FALL / 2)
        self.shape = ((spread / np.linalg.norm(spread))[:, None] * basis).astype(np.float32)
        self.mean, gap = (v / np.linalg.norm(v) for v in rng.standard_normal((2, dimension)))
        self.text_mean = 0.3 * self.mean + 0.95 * gap
        count = max(4, rows // CLUSTER_ROWS)
        self.centres = self._spread(count)
        sizes = rng.permutation(np.arange(1, count + 1) ** -0.7)
        self.ends = np.cumsum(sizes / sizes.sum())

    def pictures(self, count: int) -> Any:
        """(count, d) float32 unit vectors."""
        owner = np.minimum(np.searchsorted(self.ends, self.rng.random(count)), len(self.ends) - 1)
        own = OF_CLUSTER**0.5 * self.centres[owner] + (1 - OF_CLUSTER) ** 0.5 * self._spread(count)
        return _unit(
            np.float32(CONE) * self.mean.astype(np.float32) + np.float32((1 - CONE**2) ** 0.5) * own
        )

    def texts(self, pictures: Any) -> Any:
        """(n, d) float32 unit vectors of texts about these (n, d) pictures."""
        own = pictures - CONE * self.mean
        own = ABOUT**0.5 * _unit(own) + (1 - ABOUT) ** 0.5 * _unit(self._spread(len(own)))
        return _unit(TEXT_CONE * self.text_mean + (1 - TEXT_CONE**2) ** 0.5 * own)

    def composed(self, count: int) -> Any:
        """(count, d) float32 queries: a text of what is wanted, some of a picture, less of what is not."""
        seen, wanted, kept, not_wanted = (self.pictures(count) for _ in range(4))
        query = 0.3 * seen + self.texts(wanted) + 0.3 * self.texts(kept) - 0.3 * self.texts(not_wanted)
        return _unit(query)

    def _spread(self, count: int) -> Any:
        return self.rng.standard_normal((count, self.dimension), np.float32) @ self.shape


def _unit(rows: Any) -> Any:
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
