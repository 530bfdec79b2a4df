"""LDRE's weighted ensemble of rewrites (Yang et al., SIGIR 2024), weighted query by asked.

A rewrite counts more the further it moves the best pictures away from its caption: d_i is the sum of
the five largest drops max(0, cos(C_i, g) − cos(E_i, g)) over the gallery, and the weights are
softmax((d_i / max d) / 0.04). The released code sums d_i over all queries of a test set; a single
query must not depend on the others, so this is done per asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Part: rewrites. Numbers: places (of the largest drops), temperature."""
    rewrites, captions = asked.vectors("rewrites"), asked.vectors("captions")
    if not len(rewrites):
        return {}
    edited = asked.cosines(rewrites)
    if len(captions) != len(rewrites):
        return {"rewrites": edited.mean(0)}
    drops = asked.cosines(captions) - edited
    return {"rewrites": weights(drops, int(numbers["places"]), numbers["temperature"]) @ edited}


def weights(drops: NDArray[Any], places: int, temperature: float) -> NDArray[Any]:
    """(m,) weights that sum to 1, from the (m, n) drops of m rewrites."""
    import numpy as np

    positive = np.maximum(drops, 0)
    places = min(places, positive.shape[1])
    largest = np.partition(positive, -places, axis=1)[:, -places:].sum(1)
    scaled = largest / max(float(largest.max()), 1e-12) / temperature
    grown = np.exp(scaled - scaled.max())
    result: NDArray[Any] = grown / grown.sum()
    return result
