"""MCoT-RE (SMC 2025, arXiv 2507.12819): one caption chooses the pictures, all grains sort them.

The ``keep`` pictures nearest to the target caption are ranked by the weighted sum of all grains, the
rest of the gallery by the same sum behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates

BEHIND = -10.0  # added to what is filtered out: below any score of what is kept


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Parts: one a grain, by its name, and filter. Number: keep."""
    import numpy as np

    target = asked.vector("target_caption")
    if target is None:
        return {}
    near = asked.cosine(target)
    kept = min(max(1, int(numbers["keep"])), len(near))
    least = np.partition(near, -kept)[-kept]
    parts = {grain.name: grain.weight * asked.cosine(grain.vector) for grain in asked.grains}
    return {**parts, "filter": np.where(near >= least, 0.0, BEHIND)}
