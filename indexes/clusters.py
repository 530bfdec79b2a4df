"""Centres of rows, and the centre that a row is nearest to: k-means, its many products by torch.

Those of faiss took four times as long, and more on a CPU that multiplies bfloat16 by itself. Many
centres are put into groups around centres of their own, and a row is compared with those of the
groups that are nearest to it: of 4,096 centres an eighth holds the nearest one for 96 rows in 100. A row
that lies about as near to two centres may go to either, which costs no recall that was seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .cores import side_by_side

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK_ROWS = 1024  # whose products with all centres are looked at together
GROUPED_ROWS = 16_384  # the same where centres are grouped: several a group
SUMMED_ROWS = 16_384
MANY = 1 << 33  # products of numbers, from which torch is imported
GROUPED = 2048  # centres, from which they are grouped
GROUP_ROUNDS = 4
SHAPED = 256  # rows that are compared with a group: a multiple of it
OPENED = 8  # groups that a row is compared with: of 64; the root of it more of more


class Matrices(NamedTuple):
    """How numbers are multiplied: ``of`` makes a matrix of (n, d), ``nearness`` (n, k) float32 products of
    the rows of two matrices, with (k,) more for each column.
    """

    of: Callable[[NDArray[Any]], Any]
    nearness: Callable[[Any, Any, Any], NDArray[np.float32]]


class Nearest:
    """Which of (k, d) centres is nearest to a row."""

    def __init__(self, centres: NDArray[np.float32], *, many: bool) -> None:
        """``many`` is whether so many rows will be asked for that importing torch is worth it."""
        import numpy as np

        # without their mean products are small, and rounding them changes little
        self.mean, self.many = centres.mean(axis=0), many
        self.matrices = _by_torch() if many else _by_numpy()
        apart = centres - self.mean
        self.members = [np.arange(len(centres))]
        self.heads: tuple[Any, Any] | None = None
        if len(centres) >= GROUPED:
            heads = centres_of(apart, group_count(len(centres)), GROUP_ROUNDS)
            owners = Nearest(heads, many=many)(apart)
            self.members = [np.flatnonzero(owners == group) for group in range(len(heads))]
            self.heads = self._sided(heads)
        self.groups = [self._sided(apart[members]) for members in self.members]

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.int64]:
        """(n,) the place of the centre nearest to each of (n, d) rows."""
        import numpy as np

        found = np.empty(len(rows), np.int64)
        step, look = (BLOCK_ROWS, self._in_all) if self.heads is None else (GROUPED_ROWS, self._in_groups)

        def look_for(start: int) -> None:
            found[start : start + step] = look(self.matrices.of(rows[start : start + step] - self.mean))

        starts = range(0, len(rows), step)
        if self.many and len(starts) > 1:
            side_by_side(look_for, starts, os.cpu_count() or 1)
        else:
            for start in starts:
                look_for(start)
        return found

    def _sided(self, centres: NDArray[np.float32]) -> tuple[Any, Any]:
        """The centres, and what is added to products with them, so that the nearest has the largest."""
        import numpy as np

        bias = -0.5 * np.einsum("nd,nd->n", centres, centres)
        return self.matrices.of(centres), self.matrices.of(bias)

    def _in_all(self, rows: Any) -> NDArray[np.int64]:
        found: NDArray[np.int64] = self.matrices.nearness(rows, *self.groups[0]).argmax(axis=1)
        return found

    def _in_groups(self, rows: Any) -> NDArray[np.int64]:
        """Each row with the centres of the groups nearest to it."""
        import numpy as np

        assert self.heads
        near = self.matrices.nearness(rows, *self.heads)
        opened = min(near.shape[1], round(OPENED * (near.shape[1] / 64) ** 0.5))
        groups = np.argpartition(-near, opened - 1, axis=1)[:, :opened].ravel()
        order = np.argsort(groups, kind="stable")
        ends = np.searchsorted(groups[order], np.arange(near.shape[1] + 1))
        found, best = np.zeros(len(near), np.int64), np.full(len(near), -np.inf, np.float32)
        for group, members in enumerate(self.members):
            here = order[ends[group] : ends[group + 1]] // opened
            if len(here) and len(members):
                # torch compiles a product for every shape that it meets: few shapes
                same = np.resize(here, -(-len(here) // SHAPED) * SHAPED)
                products = self.matrices.nearness(rows[same], *self.groups[group])[: len(here)]
                places = products.argmax(axis=1)
                values = products[np.arange(len(here)), places]
                nearer = values > best[here]
                found[here[nearer]], best[here[nearer]] = members[places[nearer]], values[nearer]
        return found


def group_count(centres: int) -> int:
    """How many groups so many centres make: the root, as a power of two."""
    count = 16
    while count * count < centres:
        count *= 2
    return count


def centres_of(rows: NDArray[np.float32], count: int, rounds: int) -> NDArray[np.float32]:
    """(count, d) means of groups of (n, d) rows, n being at least ``count``: Lloyd's k-means, begun
    with rows by lot. A centre that no row is nearest to becomes a row by lot.
    """
    import numpy as np

    lot = np.random.default_rng(1)
    centres: NDArray[np.float32] = rows[np.sort(lot.choice(len(rows), count, replace=False))]
    gathered = _summed if len(rows) * centres.size > MANY else _gathered
    for _ in range(rounds):
        sums, sizes = gathered(rows, nearest_centres(rows, centres), count)
        empty = np.flatnonzero(sizes == 0)
        sums[empty] = rows[lot.choice(len(rows), len(empty))]
        np.divide(sums, np.maximum(sizes, 1)[:, None], out=sums, casting="same_kind")
        centres = sums
    return centres


def _gathered(
    rows: NDArray[np.float32], owners: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(count, d) sums of the rows of every centre, and how many it has."""
    import numpy as np

    sums = np.zeros((count, rows.shape[1]), np.float32)
    for start in range(0, len(rows), SUMMED_ROWS):
        part = owners[start : start + SUMMED_ROWS]
        order = np.argsort(part, kind="stable")
        there, first = np.unique(part[order], return_index=True)
        sums[there] += np.add.reduceat(rows[start : start + SUMMED_ROWS][order], first, axis=0)
    return sums, np.bincount(owners, minlength=count)


def _summed(
    rows: NDArray[np.float32], owners: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The same by torch, which is imported by then."""
    import numpy as np
    import torch

    sums = torch.zeros(count, rows.shape[1]).index_add_(0, torch.from_numpy(owners), torch.from_numpy(rows))
    return sums.numpy(), np.bincount(owners, minlength=count)


def nearest_centres(rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) the place of the centre nearest to each of (n, d) rows."""
    return Nearest(centres, many=len(rows) * centres.size > MANY)(rows)


def _by_numpy() -> Matrices:
    return Matrices(lambda rows: rows, lambda rows, centres, bias: rows @ centres.T + bias)


def _by_torch() -> Matrices:
    """In bfloat16 where the CPU multiplies it, else in float32."""
    import torch

    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    native = any(getattr(torch.cpu, name, bool)() for name in names)
    kind = torch.bfloat16 if native else torch.float32

    def nearness(rows: Any, centres: Any, bias: Any) -> NDArray[np.float32]:
        products: NDArray[np.float32] = torch.nn.functional.linear(rows, centres, bias).float().numpy()
        return products

    return Matrices(lambda rows: torch.from_numpy(rows).to(kind), nearness)
