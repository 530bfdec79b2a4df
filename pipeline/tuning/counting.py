"""Ranks by counting: how many items score no less than a target, in thousands of settings at once.

Nothing is sorted, and little is counted. The likeliest items are held against every setting; where
enough of them have reached the target, the setting is done with. The others lie about a mean of their
own: how far a setting lies from it bounds by how much a score differs from the mean one's, so that an
item far below the target is held only against the far settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST = 48  # items that are held against every setting, or more where settings are few
AT_ONCE = 100_000  # scores of one product: they stay in the processor's cache
LEAST = 16  # items of one product
BYTE = 255  # items that are counted in a byte
LEFT = 0.8  # of the settings: where fewer go on, the others are sorted out
ROUNDING = 1e-5  # of the widest direction of settings
RIDGE = 1e-3  # of the mean variance of settings: their ellipsoid is no flatter than that
TINY = 1e-20  # no score differs by so little
SURE = 1e-5  # of the largest possible score: more than float32 products err, and than ties are wide


@dataclass(frozen=True)
class Tried:
    """Settings (s, r) as they are used.

    ``told`` (r + 1, s) float32 has a last row of 1, for what is fixed; ``sizes`` are its absolute
    values, and ``most`` (r + 1,) the largest. ``frame`` (1 + a, r + 1) is their mean and axes: every
    setting is mean + axesᵀ z, but for ``rest`` (r + 1,) at most, and ``places`` (a, s) are the z, of
    variance 1 on every axis. ``moments`` (a + a², s) are z and z zᵀ.
    """

    told: NDArray[np.float32]
    sizes: NDArray[np.float32]
    most: NDArray[np.float32]
    frame: NDArray[np.float32]
    rest: NDArray[np.float64]
    places: NDArray[np.float32]
    moments: NDArray[np.float64]

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
        scale = np.sqrt(told.shape[1])
        axes, places = axes[:, kept] * (lengths[kept] / scale), places[kept] * scale
        rest = np.abs(away - axes @ places).max(1, initial=0)
        frame = np.concatenate([middle[None], axes.T]).astype(np.float32)
        products = (places[:, None] * places).reshape(-1, told.shape[1])
        moments = np.concatenate([places, products])
        sizes = np.abs(told)
        most = sizes.max(1, initial=0)
        return cls(told, sizes, most, frame, rest, places.astype(np.float32), moments)

    def margin(self, largest: NDArray[np.float32]) -> NDArray[np.float32]:
        """(q,) more than a score may err, of items of which none has more than ``largest`` (q, r + 1)."""
        margin: NDArray[np.float32] = (2 * largest @ self.rest + SURE * (largest @ self.most)).astype(
            np.float32
        )
        return margin


@dataclass(frozen=True)
class Around:
    """The mean and spread of some settings z of `Tried`, for each of q queries.

    ``centres`` (q, a), and ``shapes`` (q, a, a) whose product with its transpose is about the
    covariance: any ellipsoid bounds rightly, and this one tightly.
    """

    centres: NDArray[np.float32]
    shapes: NDArray[np.float64]

    @classmethod
    def of(cls, tried: Tried, going: NDArray[np.bool_]) -> Around:
        """Those that are ``going`` (q, s) on."""
        share = going / np.maximum(going.sum(1, keepdims=True), 1)
        axes = len(tried.places)
        found = share @ tried.moments.T
        centres = found[:, :axes]
        spread = found[:, axes:].reshape(len(going), axes, axes) - centres[:, :, None] * centres[:, None]
        variance = np.einsum("qaa->q", spread) / max(1, axes)
        ridge = RIDGE * np.maximum(variance, RIDGE)
        shapes = np.linalg.cholesky(spread + ridge[:, None, None] * np.eye(axes))
        return cls(centres.astype(np.float32), shapes)

    def norms(self, tried: Tried) -> NDArray[np.float32]:
        """(q, s) how far every setting lies from the centre, in the shape's own lengths."""
        inverse = np.linalg.inv(self.shapes).astype(np.float32)
        away = inverse @ tried.places
        away -= inverse @ self.centres[:, :, None]
        away *= away
        norms: NDArray[np.float32] = np.sqrt(np.add.reduce(away, axis=1)) * np.float32(1 + SURE)
        return norms

    def reaches(
        self, placed: NDArray[np.float32], aims: NDArray[np.float32], sure: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(q, n) the least norm of settings in which each item can reach one of its query's targets.

        Items (q, 1 + a, n) and targets (q, 1 + a, t) are products with the frame. A score differs from
        the centre's by d·(shape u), which is no more than |shapeᵀd|·|u| (Cauchy and Schwarz), with d
        what the item has more than a target and |u| the norm. Products err by less than ``sure`` (q,).
        """
        nearest = np.full((len(placed), placed.shape[2]), np.inf, np.float32)
        turned = self.shapes.astype(np.float32).transpose(0, 2, 1)
        for aim in aims.transpose(2, 0, 1):
            more = placed - aim[:, :, None]
            lacks = -(more[:, 0] + (self.centres[:, None] @ more[:, 1:])[:, 0]) - sure[:, None]
            spread = turned @ more[:, 1:]
            spread *= spread
            lacks /= np.sqrt(np.add.reduce(spread, axis=1)) * np.float32(1 + SURE) + np.float32(TINY)
            np.minimum(nearest, lacks, out=nearest)
        return nearest


class Desk:
    """The room that one thread counts in; made once, not by every query."""

    def __init__(self, tried: Tried) -> None:
        settings = tried.told.shape[1]
        size = max(AT_ONCE, max(FIRST, LEAST) * settings)
        self.scores, self.flags = np.empty(size, np.float32), np.empty(size, bool)
        # the bar is taken off within the product, as one more number of every item
        self.told = np.concatenate([tried.told, np.empty((1, settings), np.float32)])

    def against(
        self, bar: NDArray[np.float32], going: NDArray[np.intp] | None = None
    ) -> NDArray[np.float32]:
        """(r + 2, s) settings and the bar, valid until the next call; of those ``going`` on, a copy."""
        self.told[-1] = bar
        return self.told if going is None else self.told.take(going, axis=1)

    def hold(
        self, items: NDArray[np.float32], bars: NDArray[np.float32], counts: NDArray[np.int32]
    ) -> None:
        """Count (q, r + 2, i) items against every setting, into (q, b, s) ``counts``."""
        for one, heights, rooms in zip(items, bars, counts, strict=True):
            for bar, found in zip(heights, rooms, strict=True):
                found += self.count(one, self.against(bar))

    def count(self, items: NDArray[np.float32], told: NDArray[np.float32]) -> NDArray[np.int32]:
        """(s,) how many of (r + 2, i) items have a product with each of (r + 2, s) not below 0."""
        found = np.zeros(told.shape[1], np.int32)
        if items.shape[1] > told.shape[1]:  # the longer side is that along which a row is summed
            found += self._reached(told, items).sum(1, dtype=np.int32)
        else:
            flags = self._reached(items, told).view(np.uint8)
            for at in range(0, len(flags), BYTE):
                found += np.add.reduce(flags[at : at + BYTE], axis=0, dtype=np.uint8)
        return found

    def _reached(self, down: NDArray[np.float32], along: NDArray[np.float32]) -> NDArray[np.bool_]:
        shape = (down.shape[1], along.shape[1])
        size = shape[0] * shape[1]
        scores, flags = self.scores[:size].reshape(shape), self.flags[:size].reshape(shape)
        np.matmul(down.T, along, out=scores)
        return np.greater_equal(scores, 0, out=flags)


def counts_above(
    items: NDArray[np.float32],
    targets: NDArray[np.float32],
    bars: NDArray[np.float32],
    tried: Tried,
    sure: NDArray[np.float32],
    enough: int,
    desk: Desk,
) -> NDArray[np.int32]:
    """(q, b, s) how many of each query's (q, r + 2, n) ``items`` reach each of its (q, b, s) ``bars``.

    The last row of items is −1, as the bar is taken off. The highest bar comes first, and none is below
    all of the (q, r + 1, t) ``targets`` by more than half of ``sure`` (q,). Where ``enough`` items reach
    the first bar no more is said than that: the counts are then ``enough`` or more.
    """
    counts = np.zeros(bars.shape, np.int32)
    likely = max(FIRST, AT_ONCE // bars.shape[2])
    if likely >= items.shape[2]:
        desk.hold(items, bars, counts)
        return counts
    placed = tried.frame @ items[:, :-1]
    first = np.argpartition(placed[:, 0], -likely, axis=1)[:, -likely:]
    desk.hold(np.take_along_axis(items, first[:, None], 2), bars, counts)
    going = counts[:, 0] < enough
    around = Around.of(tried, going)
    reaches = around.reaches(placed, tried.frame @ targets, sure)
    np.put_along_axis(reaches, first, np.inf, axis=1)
    for query, norms in enumerate(around.norms(tried)):
        rest = Rest(items[query], reaches[query], norms, enough, desk)
        rest.count(np.flatnonzero(going[query]), bars[query], counts[query])
    return counts


@dataclass(frozen=True)
class Rest:
    """The items of one query that were not held against every setting, with what `Around` says of them."""

    items: NDArray[np.float32]
    reaches: NDArray[np.float32]
    norms: NDArray[np.float32]
    enough: int
    desk: Desk

    def count(self, going: NDArray[np.intp], bars: NDArray[np.float32], counts: NDArray[np.int32]) -> None:
        """Add to (b, s) ``counts`` in the settings that are ``going`` on."""
        if not len(going):
            return
        norms = self.norms.take(going)
        order = norms.argsort()
        norms, going = norms.take(order), going.take(order)
        near = np.flatnonzero(self.reaches <= norms[-1])
        near = near.take(self.reaches.take(near).argsort())
        reaches, items = self.reaches.take(near), self.items.take(near, axis=1)
        told = [self.desk.against(bar, going) for bar in bars]
        there, at = counts.take(going, axis=1), 0
        while at < len(near):
            far = int(norms.searchsorted(reaches[at]))
            wide = len(going) - far
            if not wide:
                break  # no item that is left can reach any setting that is left
            rows = max(LEAST, AT_ONCE // wide)
            part = items[:, at : at + rows]
            for settings, count in zip(told, there, strict=True):
                count[far:] += self.desk.count(part, settings[:, far:])
            at += rows
            asked = there[0] < self.enough
            if np.count_nonzero(asked) < LEFT * len(going):
                counts[:, going] = there
                left = np.flatnonzero(asked)
                going, norms, there = going.take(left), norms.take(left), there.take(left, axis=1)
                told = [settings.take(left, axis=1) for settings in told]
        counts[:, going] = there
