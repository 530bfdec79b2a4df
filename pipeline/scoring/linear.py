"""The linear score and its fold: all grains of a query in one vector.

A score is Σ wᵢ·(gᵢ·v), so it is (Σ wᵢ·gᵢ)·v: one inner product, however many grains. With z-score
calibration every grain counts in units of its own spread over the gallery,
Σ wᵢ·(gᵢ·v − gᵢ·μ)/σᵢ with σᵢ² = gᵢᵀΣgᵢ, which folds too: the vector is Σ (wᵢ/σᵢ)·gᵢ and the
constant is −Σ (wᵢ/σᵢ)·(gᵢ·μ). μ (d,) and Σ (d, d) are the mean and covariance of the gallery's vectors.

A gallery of two sides, pictures and captions, folds once per side, with that side's own μ and Σ, and
an item scores the sum of both. Grains of the caption side have a role that begins with "caption/".

Where grains and gallery are of one kind (captions against captions), "centred" takes the unit vector
of gᵢ − μ for gᵢ: what all items share no longer counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...indexes.contract import CAPTIONS, PICTURES
from ..errors import ConfigError
from ..records.trace import Grain
from .contract import CAPTION_SIDE, REGION_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates

# A grain that does not vary over the gallery says nothing; below this spread it is left uncalibrated
# rather than blown up. Cosines of float16 vectors are exact to about 1e-3.
SMALLEST_SPREAD = 1e-4
AT_ONCE = 16_384  # rows that are turned into float32 together


@dataclass(frozen=True)
class Fold:
    """Grains of one side folded into one vector (d,): score(v) = vector·v + bias.

    Grain i adds scales[i]·(gᵢ·v) + biases[i], so the parts of a row add up to its score.
    """

    vector: NDArray[Any]
    bias: float
    grains: tuple[Grain, ...]
    scales: tuple[float, ...]
    biases: tuple[float, ...]

    def parts(self, vectors: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """What every grain adds to the scores of (n, d) rows, by its name."""
        import numpy as np

        grains = np.stack([grain.vector for grain in self.grains]).astype(np.float64)
        added = vectors.astype(np.float64) @ grains.T * np.array(self.scales) + np.array(self.biases)
        return {grain.name: added[:, n] for n, grain in enumerate(self.grains)}


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Parts: one a grain, by its name. No numbers."""
    import numpy as np

    found: dict[str, NDArray[Any]] = {}
    for side, folded in folds(asked).items():
        for vectors in asked.shards(side):
            for name, values in folded.parts(vectors).items():
                found[name] = np.concatenate([found[name], values]) if name in found else values
    return found


def score_all(asked: Candidates) -> dict[str, NDArray[Any]]:
    """As `score`, in float32 and quick over many rows: for families that build on it."""
    import numpy as np

    found: dict[str, list[NDArray[Any]]] = {}
    for side, folded in folds(asked).items():
        grains = np.stack([grain.vector for grain in folded.grains]).astype(np.float32)
        for shard in asked.shards(side):
            for at in range(0, len(shard), AT_ONCE):
                cosines = grains @ np.asarray(shard[at : at + AT_ONCE]).astype(np.float32).T
                for grain, row, by, to in zip(
                    folded.grains, cosines, folded.scales, folded.biases, strict=True
                ):
                    found.setdefault(grain.name, []).append(row * by + to)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def folds(asked: Candidates) -> dict[str, Fold]:
    """The fold of every side that a grain scores. Raises what `fold` raises."""
    split = dict(zip((PICTURES, CAPTIONS), sides(asked.grains), strict=True))
    if not any(split.values()):
        fold(())  # says so
    plain = asked.calibration == "none"
    found = {}
    for name, grains in split.items():
        if grains:
            side = asked.side(name)
            statistics = (None, None) if plain else (side.mu, side.sigma)
            found[name] = fold(grains, asked.calibration, *statistics)
    return found


def sides(grains: Sequence[Grain]) -> tuple[list[Grain], list[Grain]]:
    """The grains that score pictures, and those that score captions, in order; no others fold."""
    captions = [grain for grain in grains if grain.role.startswith(CAPTION_SIDE)]
    others = (CAPTION_SIDE, REGION_SIDE)
    return [grain for grain in grains if not grain.role.startswith(others)], captions


def fold(
    grains: Sequence[Grain],
    calibration: str = "none",
    mu: NDArray[Any] | None = None,
    sigma: NDArray[Any] | None = None,
) -> Fold:
    """One vector (d,) and a bias for any number of grains of one side of the gallery.

    Raises ConfigError without grains, where z-scores are asked for without μ and Σ, and for grains
    of two sides (see `sides`), which are not held against the same vectors.
    """
    import numpy as np

    if not grains:
        raise ConfigError(
            "the query has no grain with a weight", "give a reference, a sentence or --weight"
        )
    if all(sides(grains)):
        raise ConfigError(
            "grains that score pictures and grains that score captions do not fold into one vector",
            "choose a recipe without [caption_grains]",
        )
    if calibration == "centred":
        grains = [_centred(grain, mu) for grain in grains]
    vectors = np.stack([grain.vector for grain in grains]).astype(np.float64)
    scales = np.array([grain.weight for grain in grains], np.float64)
    biases = np.zeros(len(grains))
    if calibration == "zscore":
        if mu is None or sigma is None:
            raise ConfigError("z-score calibration needs an index with statistics", "rebuild the index")
        spreads = spread_of(vectors, sigma)
        varies = spreads > SMALLEST_SPREAD
        scales[varies] /= spreads[varies]
        biases[varies] = -scales[varies] * (vectors[varies] @ mu)
    vector = (scales[:, None] * vectors).sum(0).astype(np.float32)
    return Fold(vector, float(biases.sum()), tuple(grains), tuple(scales.tolist()), tuple(biases.tolist()))


def _centred(grain: Grain, mu: NDArray[Any] | None) -> Grain:
    import numpy as np

    if mu is None:
        raise ConfigError("centring needs an index with statistics", "rebuild the index")
    moved = grain.vector.astype(np.float64) - mu
    length = float(np.linalg.norm(moved))
    return replace(grain, vector=(moved / (length or 1.0)).astype(np.float32))


def spread_of(vectors: NDArray[Any], sigma: NDArray[Any]) -> NDArray[Any]:
    """(…,) the standard deviation √(gᵀΣg) of g·v over the gallery, for (…, d) vectors g."""
    import numpy as np

    exact = vectors.astype(np.float64)
    variances = ((exact @ sigma.astype(np.float64, copy=False)) * exact).sum(-1)
    spreads: NDArray[Any] = np.sqrt(np.maximum(variances, 0.0))
    return spreads
