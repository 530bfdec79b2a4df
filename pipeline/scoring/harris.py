"""BASIC's corner score (NeurIPS 2025): both the picture and the sentence must fit, none alone.

S = I·T − e·(I + T)², Harris' detector with the image similarity I and the text similarity T, each
shifted by its smallest value in the gallery, scaled by its largest, and clamped at 0. Centring,
projection and query expansion of the paper need its corpora, which are not here: I is centred on
the gallery's own mean instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Parts: both, edge. Number: edge (e)."""
    from .contract import unit

    image, sentence = asked.vector("reference"), asked.vector("modification")
    if sentence is None:
        return {} if image is None else {"both": asked.cosine(image)}
    text = asked.cosine(sentence)
    if image is None:
        return {"both": text}
    centred = unit(image - asked.mu)
    first = scaled(asked.cosine(centred) - float(centred @ asked.mu))
    second = scaled(text)
    return {"both": first * second, "edge": -numbers["edge"] * (first + second) ** 2}


def scaled(values: NDArray[Any]) -> NDArray[Any]:
    """The values from 0, the smallest, to 1, the largest."""
    spread = float(values.max() - values.min())
    result: NDArray[Any] = (values - values.min()) / (spread or 1.0)
    return result
