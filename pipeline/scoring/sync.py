"""Captions of hits, mended by others that fit the picture (after SynC, arXiv 2507.18616).

A caption may be written badly, and the gallery holds others that fit its picture as well or better. The
linear score gives a shortlist; there an item's captions c count as (1 − share)·c + share·n, with n the
mean of the nearest captions of the whole gallery, by the cosine to the item's picture. An item without
captions has n alone. The rest of the gallery follows behind the shortlist in its own order. SynC mends
pairs for training, each caption with its best image; mean, shortlist and share are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...indexes.contract import CAPTIONS, PICTURES
from . import linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contract import Candidates

OUTSIDE = "below the shortlist"
APART = 1e-6


def score(asked: Candidates, numbers: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Parts: those of linear, and what puts the rest behind. Numbers: nearest, share, shortlist."""
    import numpy as np

    if not linear.sides(asked.grains)[1]:
        return {}
    folded = linear.folds(asked)[CAPTIONS]
    parts = linear.score_all(asked)
    before = np.sum(list(parts.values()), axis=0)
    count = min(int(numbers["shortlist"]), len(before))
    short = np.argpartition(-before, count - 1)[:count]
    captions = asked.side(CAPTIONS)
    near = neighbours(asked.side(PICTURES).take(short), captions.vectors(), int(numbers["nearest"]))
    mean = captions.take(near.ravel()).reshape(*near.shape, -1).mean(1)
    own = captions.take(short)
    share = np.where(own.any(1), numbers["share"], 1.0)[:, None]
    for name, values in folded.parts((1 - share) * own + share * mean).items():
        parts[name] = parts[name].copy()
        parts[name][short] = values
    return {**parts, OUTSIDE: _behind(np.sum(list(parts.values()), axis=0), short)}


def neighbours(pictures: NDArray[Any], shards: Any, count: int) -> NDArray[Any]:
    """(n, count) rows of the captions with the largest cosines to (n, d) pictures, in no order.

    Rows of zeros are no captions. Fewer where there are not so many.
    """
    import numpy as np

    best: NDArray[Any] = np.empty((len(pictures), 0), np.float32)
    rows: NDArray[Any] = np.empty((len(pictures), 0), np.int64)
    start = 0
    for shard in shards:
        for at in range(0, len(shard), linear.AT_ONCE):
            held = np.asarray(shard[at : at + linear.AT_ONCE]).astype(np.float32)
            said = np.flatnonzero(held.any(1))
            if not len(said):
                continue
            cosines = pictures @ (held if len(said) == len(held) else held[said]).T
            kept = np.argpartition(-cosines, min(count, len(said)) - 1, axis=1)[:, :count]
            best = np.concatenate([best, np.take_along_axis(cosines, kept, axis=1)], axis=1)
            rows = np.concatenate([rows, said[kept] + start + at], axis=1)
            if best.shape[1] > count:
                kept = np.argpartition(-best, count - 1, axis=1)[:, :count]
                best, rows = (np.take_along_axis(one, kept, axis=1) for one in (best, rows))
        start += len(shard)
    return rows


def _behind(total: NDArray[Any], short: NDArray[Any]) -> NDArray[Any]:
    """(n,) what is added so that no row outside the shortlist passes one inside."""
    import numpy as np

    outside = np.ones(len(total), bool)
    outside[short] = False
    if not outside.any():
        return np.zeros(len(total))
    drop = min(0.0, float(total[short].min() - total[outside].max()) - APART)
    return np.where(outside, drop, 0.0)
