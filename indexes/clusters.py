"""Centres of rows, and the centre that a row is nearest to: k-means by the matrix products of torch.

Those of faiss took ten times as long on a CPU that multiplies bfloat16 by itself, and four times on
others. A row that lies about as near to two centres may go to either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK_ROWS = 1024  # whose products with all centres are looked at together


def centres_of(rows: NDArray[np.float32], count: int, rounds: int) -> NDArray[np.float32]:
    """(count, d) means of groups of (n, d) rows, n being at least ``count``: Lloyd's k-means, begun
    with rows by lot. A centre that no row is nearest to becomes a row by lot.
    """
    import numpy as np
    import torch

    lot = np.random.default_rng(1)
    centres: NDArray[np.float32] = rows[np.sort(lot.choice(len(rows), count, replace=False))]
    for _ in range(rounds):
        owners = torch.from_numpy(nearest_centres(rows, centres))
        sums = torch.zeros(centres.shape).index_add_(0, owners, torch.from_numpy(rows)).numpy()
        sizes = np.bincount(owners.numpy(), minlength=count)
        empty = np.flatnonzero(sizes == 0)
        sums[empty] = rows[lot.choice(len(rows), len(empty))]
        np.divide(sums, np.maximum(sizes, 1)[:, None], out=sums, casting="same_kind")
        centres = sums
    return centres


def nearest_centres(rows: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) the place of the centre nearest to each of (n, d) rows."""
    import numpy as np
    import torch

    kind = _quick_dtype()
    # without their mean products are small, and rounding them changes little
    mean = centres.mean(axis=0)
    apart = centres - mean
    ours = torch.from_numpy(apart).to(kind)
    bias = torch.from_numpy(-0.5 * np.einsum("nd,nd->n", apart, apart)).to(kind)
    found = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = torch.from_numpy(rows[start : start + BLOCK_ROWS] - mean).to(kind)
        near = torch.nn.functional.linear(block, ours, bias).float().numpy()
        found[start : start + BLOCK_ROWS] = near.argmax(axis=1)
    return found


def turned(rows: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, d) rows, each multiplied by the (d, d) matrix."""
    import torch

    product: NDArray[np.float32] = torch.nn.functional.linear(
        torch.from_numpy(rows), torch.from_numpy(matrix)
    ).numpy()
    return product


def _quick_dtype() -> Any:
    """bfloat16 where the CPU multiplies it, else float32."""
    import torch

    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    native = any(getattr(torch.cpu, name, bool)() for name in names)
    return torch.bfloat16 if native else torch.float32
