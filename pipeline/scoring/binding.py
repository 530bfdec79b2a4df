"""Attributes held to their things, against the bias of a dual encoder to see both and not which is whose.

Concept Association Bias (Tang et al., "When are Lemons Purple?", EMNLP 2023). The target caption is held
against itself with attributes exchanged (role ``swapped``), and a picture pays where that fits as well:

    S = linear score + w·max(0, cos(swapped) − cos(target) + margin)

with the largest cos(swapped) where there are several, and w the weight of ``swapped``, below 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates

ROLE = "swapped"


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Parts: those of linear, and swapped. Number: margin."""
    import numpy as np

    others = [grain for grain in asked.grains if grain.role != ROLE]
    if not others:
        return {}
    parts = linear.score_all(replace(asked, grains=others))
    wrong, target = asked.vectors(ROLE), asked.vector("target_caption")
    if not len(wrong) or target is None:
        return parts
    weight = sum(grain.weight for grain in asked.grains if grain.role == ROLE)
    confused = asked.cosines(wrong).max(0) - asked.cosine(target) + numbers["margin"]
    return {**parts, ROLE: weight * np.maximum(0, confused)}
