"""Ranks by counting: how many items score no less than a target, in thousands of settings at once.

Nothing is sorted, and little is counted: the items that usually score most come first, and a setting
in which enough of them have reached the target is done with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Multiplications in one product. Its result stays in the processor's cache, and it is below what BLAS
# deals to several threads: waking them takes longer than the product.
AT_ONCE = 250_000
BYTE = 255  # items that are counted in a byte
LEFT = 0.8  # of the settings: where fewer go on, the others are sorted out
STEP = 1024  # settings that are looked at together


@dataclass(frozen=True)
class Tried:
    """Settings (s, r) as they are used: ``told`` (r + 1, s) float32, the last row 1 for what is fixed.

    ``sizes`` are its absolute values, ``middle`` (r + 1,) is the mean setting.
    """

    told: NDArray[np.float32]
    sizes: NDArray[np.float32]
    middle: NDArray[np.float32]

    @classmethod
    def of(cls, settings: NDArray[Any]) -> Tried:
        """The settings, one a row."""
        narrow = np.asarray(settings, np.float32).T
        told = np.concatenate([narrow, np.ones((1, narrow.shape[1]), np.float32)])
        return cls(told, np.abs(told), told.mean(1))


class Desk:
    """The room that one thread counts in, for settings of so many rows; made once, not by every query."""

    def __init__(self, rows: int) -> None:
        size = max(STEP, AT_ONCE // (rows + 1))
        self.scores, self.flags = np.empty(size, np.float32), np.empty(size, bool)


def counts_above(
    items: NDArray[np.float32],
    told: NDArray[np.float32],
    bars: NDArray[np.float32],
    enough: int,
    desk: Desk,
) -> NDArray[np.int32]:
    """(b, s) how many of the (n, r) ``items`` reach each of (b, s) ``bars``, the highest bar first.

    ``told`` are (r, s) settings. Where ``enough`` items reach the first bar no more is said than that:
    the counts are then ``enough`` or more.
    """
    counts = np.zeros(bars.shape, np.int32)
    # the bar is taken off within the product, as one more number of every item
    above = np.concatenate([items, np.full((len(items), 1), -1, np.float32)], axis=1)
    for at in range(0, bars.shape[1], STEP):
        part = slice(at, at + STEP)
        reached = [np.concatenate([told[:, part], bar[None, part]]) for bar in bars]
        _count(above, reached, enough, desk, counts[:, part])
    return counts


def _count(
    items: NDArray[np.float32],
    told: list[NDArray[np.float32]],
    enough: int,
    desk: Desk,
    counts: NDArray[np.int32],
) -> None:
    """As `counts_above`, into ``counts``: an item reaches where its product is not below 0."""
    going, there, at = np.arange(counts.shape[1]), counts.copy(), 0
    while at < len(items) and len(going):
        rows = min(BYTE, len(desk.scores) // len(going), len(items) - at)
        shape, size = (rows, len(going)), rows * len(going)
        scores, flags = desk.scores[:size].reshape(shape), desk.flags[:size].reshape(shape)
        for count, settings in zip(there, told, strict=True):
            np.matmul(items[at : at + rows], settings, out=scores)
            np.greater_equal(scores, 0, out=flags)
            count += np.add.reduce(flags.view(np.uint8), axis=0, dtype=np.uint8)
        at += rows
        left = np.flatnonzero(there[0] < enough)
        if len(left) < LEFT * len(going):
            counts[:, going] = there
            going, there, told = going[left], there[:, left], [one[:, left] for one in told]
    counts[:, going] = there
