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

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pipeline.errors import ConfigError
from pipeline.records.trace import FusedQuery, Grain

if TYPE_CHECKING:
    from numpy.typing import NDArray

Calibration = Literal["none", "zscore", "centred"]
# A grain that does not vary over the gallery says nothing; below this spread it is left uncalibrated
# rather than blown up. Cosines of float16 vectors are exact to about 1e-3.
SMALLEST_SPREAD = 1e-4
CAPTION_SIDE = "caption/"


def sides(grains: Sequence[Grain]) -> tuple[list[Grain], list[Grain]]:
    """The grains that score pictures, and those that score captions, in order."""
    captions = [grain for grain in grains if grain.role.startswith(CAPTION_SIDE)]
    return [grain for grain in grains if not grain.role.startswith(CAPTION_SIDE)], captions


def no_fold(dimension: int) -> FusedQuery:
    """The fold of a side (of d = ``dimension``) that a query has no grain for: it scores 0."""
    import numpy as np

    return FusedQuery(np.zeros(dimension, np.float32), 0.0, (), (), ())


def fold(
    grains: Sequence[Grain],
    calibration: Calibration = "none",
    mu: NDArray[Any] | None = None,
    sigma: NDArray[Any] | None = None,
) -> FusedQuery:
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
    scales, biases = [], []
    for grain in grains:
        scale, bias = grain.weight, 0.0
        if calibration == "zscore":
            if mu is None or sigma is None:
                raise ConfigError(
                    "z-score calibration needs an index with statistics", "rebuild the index"
                )
            spread = spread_of(grain.vector, sigma)
            if spread > SMALLEST_SPREAD:
                scale = grain.weight / spread
                bias = -scale * float(np.dot(grain.vector.astype(np.float64), mu))
        scales.append(scale)
        biases.append(bias)
    vectors = np.stack([grain.vector for grain in grains]).astype(np.float64)
    vector = (np.array(scales)[:, None] * vectors).sum(0).astype(np.float32)
    return FusedQuery(vector, float(sum(biases)), tuple(grains), tuple(scales), tuple(biases))


def _centred(grain: Grain, mu: NDArray[Any] | None) -> Grain:
    import numpy as np

    if mu is None:
        raise ConfigError("centring needs an index with statistics", "rebuild the index")
    moved = grain.vector.astype(np.float64) - mu
    length = float(np.linalg.norm(moved))
    return replace(grain, vector=(moved / (length or 1.0)).astype(np.float32))


def spread_of(vector: NDArray[Any], sigma: NDArray[Any]) -> float:
    """The standard deviation √(gᵀΣg) of g·v over the gallery."""
    import numpy as np

    exact = vector.astype(np.float64)
    variance = float(exact @ sigma.astype(np.float64) @ exact)
    return float(np.sqrt(max(0.0, variance)))


def shares(fused: FusedQuery, vectors: NDArray[Any]) -> list[dict[str, float]]:
    """What every grain adds to the scores of items (n, d), by name; each sums to the item's score."""
    import numpy as np

    if not fused.grains:
        return [{} for _ in vectors]
    grains = np.stack([grain.vector for grain in fused.grains]).astype(np.float64)
    parts = vectors.astype(np.float64) @ grains.T * np.array(fused.scales) + np.array(fused.biases)
    names = [grain.name for grain in fused.grains]
    return [dict(zip(names, row, strict=True)) for row in parts.tolist()]
