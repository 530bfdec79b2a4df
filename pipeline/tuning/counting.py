"""Ranks by counting: how many items score no less than a target, in thousands of settings at once.

Nothing is sorted, and little is counted. A setting in which enough items have reached the target is
done with. And settings lie around a mean: how far one lies from it bounds by how much a score differs
from the mean one's, so that an item far below the target is held only against the far settings.
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
MANY = 4  # products between two looks at what is settled
BYTE = 255  # items that are counted in a byte
LEFT = 0.8  # of the settings: where fewer go on, the others are sorted out
STEP = 2048  # settings that are looked at together
ROUNDING = 1e-5  # of the widest direction of settings
TINY = 1e-20  # no score differs by so little
SURE = 1e-5  # of the largest possible score: more than float32 products err, and than ties are wide


@dataclass(frozen=True)
class Tried:
    """Settings (s, r) as they are used, the nearest to their mean first.

    ``order`` (s,) says which they were. ``told`` (r + 1, s) float32 has a last row of 1, for what is
    fixed; ``sizes`` are its absolute values, and ``most`` (r + 1,) the largest. ``frame`` (r + 1, 1 + a)
    is their mean and axes: every setting is mean + axes @ z, but for ``rest`` (r + 1,) at most, and
    ``norms`` (s,) are the lengths of z, ascending.
    """

    told: NDArray[np.float32]
    sizes: NDArray[np.float32]
    order: NDArray[np.intp]
    norms: NDArray[np.float32]
    frame: NDArray[np.float32]
    rest: NDArray[np.float64]
    most: NDArray[np.float32]

    @classmethod
    def of(cls, settings: NDArray[Any]) -> Tried:
        """The settings, one a row."""
        narrow = np.asarray(settings, np.float32).T
        told = np.concatenate([narrow, np.ones((1, narrow.shape[1]), np.float32)])
        middle = told.mean(1, dtype=np.float64)
        away = told - middle[:, None]
        axes, lengths, places = np.linalg.svd(away, full_matrices=False)
        # directions in which settings differ by rounding alone would make all of them far
        kept = lengths > ROUNDING * lengths.max(initial=0)
        axes, places = axes[:, kept] * lengths[kept], places[kept]
        rest = np.abs(away - axes @ places).max(1, initial=0)
        frame = np.concatenate([middle[:, None], axes], axis=1).astype(np.float32)
        norms = np.linalg.norm(places, axis=0).astype(np.float32)
        order = np.argsort(norms, kind="stable")
        told = np.ascontiguousarray(told[:, order])
        sizes = np.abs(told)
        return cls(told, sizes, order, norms[order], frame, rest, sizes.max(1, initial=0))

    def as_given(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(s,) values of the settings, in the order in which they were given."""
        found = np.empty_like(values)
        found[self.order] = values
        return found

    def reaches(
        self, items: NDArray[np.float32], targets: NDArray[np.float32], largest: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(n,) the least norm of settings in which each of (n, r + 1) ``items`` can reach a target.

        A score differs from the mean setting's by d·(axes @ z), which is no more than |axesᵀd|·|z|
        (Cauchy and Schwarz), with d what the item has more than one of the (t, r + 1) ``targets``. No
        number of either is above ``largest`` (r + 1,).
        """
        sure = np.float32(2 * largest @ self.rest + SURE * (largest @ self.most))
        placed, aims = items @ self.frame, targets @ self.frame
        nearest = np.full(len(items), np.inf, np.float32)
        for aim in aims:
            more = placed - aim
            lacks = -more[:, 0] - sure
            more[:, 0] = 0
            spread = np.sqrt(np.einsum("na,na->n", more, more)) * np.float32(1 + SURE) + TINY
            np.minimum(nearest, lacks / spread, out=nearest)
        return nearest


class Desk:
    """The room that one thread counts in, for settings of so many rows; made once, not by every query."""

    def __init__(self, rows: int) -> None:
        self.size = max(STEP, AT_ONCE // (rows + 1))
        self.scores, self.flags = np.empty(MANY * self.size, np.float32), np.empty(MANY * self.size, bool)

    def room(
        self, items: int, settings: int, products: int
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Scores (p, i, s) of at most so many products of items with settings, and flags (p · i, s)."""
        rows = min(BYTE, max(1, self.size // settings), items)
        products = min(products, BYTE // rows, items // rows)
        size = products * rows * settings
        return (
            self.scores[:size].reshape(products, rows, settings),
            self.flags[:size].reshape(products * rows, settings),
        )


def counts_above(
    items: NDArray[np.float32],
    reaches: NDArray[np.float32],
    tried: Tried,
    bars: NDArray[np.float32],
    enough: int,
    desk: Desk,
) -> NDArray[np.int32]:
    """(b, s) how many of the (n, r + 1) ``items`` reach each of (b, s) ``bars``, the highest bar first.

    ``reaches`` (n,) is the least norm of settings in which each item can reach the lowest bar. Where
    ``enough`` items reach the first bar no more is said than that: the counts are then ``enough`` or more.
    """
    counts = np.zeros(bars.shape, np.int32)
    likely = np.argsort(reaches)
    reaches = reaches[likely]
    # the bar is taken off within the product, as one more number of every item
    above = np.full((len(items), items.shape[1] + 1), -1, np.float32)
    above[:, :-1] = items[likely]
    for at in range(0, bars.shape[1], STEP):
        part = slice(at, at + STEP)
        reached = [np.concatenate([tried.told[:, part], bar[None, part]]) for bar in bars]
        _count(above, reaches, reached, tried.norms[part], enough, desk, counts[:, part])
    return counts


def _count(
    items: NDArray[np.float32],
    reaches: NDArray[np.float32],
    told: list[NDArray[np.float32]],
    norms: NDArray[np.float32],
    enough: int,
    desk: Desk,
    counts: NDArray[np.int32],
) -> None:
    """As `counts_above`, into ``counts``: an item reaches where its product is not below 0."""
    going, there, at, products = np.arange(counts.shape[1]), counts.copy(), 0, 1
    while at < len(items):
        near = int(norms.searchsorted(reaches[at]))
        wide = len(going) - near
        if not wide:
            break  # no item that is left can reach any setting that is left
        scores, flags = desk.room(len(items) - at, wide, products)
        part = items[at : at + flags.shape[0]].reshape(*scores.shape[:2], -1)
        for count, settings in zip(there, told, strict=True):
            np.matmul(part, settings[:, near:], out=scores)
            np.greater_equal(scores.reshape(flags.shape), 0, out=flags)
            count[near:] += np.add.reduce(flags.view(np.uint8), axis=0, dtype=np.uint8)
        at, products = at + len(flags), MANY
        asked = there[0] < enough
        if np.count_nonzero(asked) < LEFT * len(going):
            left = np.flatnonzero(asked)
            counts[:, going] = there
            going, there, norms = going[left], there.take(left, axis=1), norms[left]
            told = [one.take(left, axis=1) for one in told]
    counts[:, going] = there
