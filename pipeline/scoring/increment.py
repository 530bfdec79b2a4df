"""SEIZE's semantic increment (Yang et al., ACM MM 2024): what an edit gains and loses on each picture.

S = after + p·max(D, 0) + n·min(D, 0), D = after − before, with the cosines of the mean rewritten
caption (grain ``rewrites``) and of the mean caption (grain ``captions``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Parts: rewrites, gain, loss. Numbers: gain (p), loss (n)."""
    import numpy as np

    rewritten, captioned = asked.vector("rewrites"), asked.vector("captions")
    if rewritten is None:
        return {}
    after = asked.cosine(rewritten)
    if captioned is None:
        return {"rewrites": after}
    change = after - asked.cosine(captioned)
    return {
        "rewrites": after,
        "gain": numbers["gain"] * np.maximum(change, 0),
        "loss": numbers["loss"] * np.minimum(change, 0),
    }
