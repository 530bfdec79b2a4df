"""Centres of rows, and the centre that a row is nearest to: k-means, its many products by torch.

Those of faiss took four times as long, and more on a CPU that multiplies bfloat16 by itself. A row
that lies about as near to two centres may go to either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK_ROWS = 1024  # whose products with all centres are looked at together
SUMMED_ROWS = 16_384
MANY = 1 << 33  # products of numbers, from which torch is imported
Nearness = Callable[["NDArray[np.float32]"], "NDArray[np.float32]"]


def centres_of(rows: NDArray[np.float32], count: int, rounds: int) -> NDArray[np.float32]:
    """(count, d) means of groups of (n, d) rows, n being at least ``count``: Lloyd's k-means, begun
    with rows by lot. A centre that no row is nearest to becomes a row by lot.
    """
    import numpy as np

    lot = np.random.default_rng(1)
    centres: NDArray[np.float32] = rows[np.sort(lot.choice(len(rows), count, replace=False))]
    for _ in range(rounds):
        sums, sizes = _gathered(rows, nearest_centres(rows, centres), count)
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


def nearest_centres(rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) the place of the centre nearest to each of (n, d) rows."""
    import numpy as np

    # without their mean products are small, and rounding them changes little
    mean = centres.mean(axis=0)
    apart = centres - mean
    bias = -0.5 * np.einsum("nd,nd->n", apart, apart)
    nearness = (_by_torch if len(rows) * apart.size > MANY else _by_numpy)(apart, bias)
    found = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS] - mean
        found[start : start + BLOCK_ROWS] = nearness(block).argmax(axis=1)
    return found


def _by_numpy(centres: NDArray[np.float32], bias: NDArray[np.float32]) -> Nearness:
    return lambda rows: rows @ centres.T + bias


def _by_torch(centres: NDArray[np.float32], bias: NDArray[np.float32]) -> Nearness:
    """In bfloat16 where the CPU multiplies it, else in float32."""
    import torch

    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    native = any(getattr(torch.cpu, name, bool)() for name in names)
    kind = torch.bfloat16 if native else torch.float32
    ours, added = torch.from_numpy(centres).to(kind), torch.from_numpy(bias).to(kind)

    def nearness(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        wide = torch.nn.functional.linear(torch.from_numpy(rows).to(kind), ours, added).float()
        return wide.numpy()

    return nearness
