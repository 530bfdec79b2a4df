"""Rows of one encoder turned into the space of another, learnt from what both have encoded.

A stand-in for towers that are trained to be compatible. Pictures of an old tower (OCA): centred orthogonal
Procrustes, in closed form by one singular value decomposition. Texts of a smaller tower (ISA): ridge
regression, as what it lost is no turn of the space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of the ridge, in mean squares of a dimension


@dataclass(frozen=True)
class Bridge:
    """From ``before`` (d,) of one space to ``after`` (e,) of the other, ``turn`` (d, e) between."""

    before: NDArray[np.float32]
    after: NDArray[np.float32]
    turn: NDArray[np.float32]

    def __call__(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """(n, e) float32 unit rows for (n, d) rows."""
        import numpy as np

        turned = (np.asarray(rows, np.float32) - self.before) @ self.turn + self.after
        lengths = np.linalg.norm(turned, axis=1, keepdims=True)
        unit: NDArray[np.float32] = turned / np.maximum(lengths, np.float32(1e-12))
        return unit


def learn(old: NDArray[Any], new: NDArray[Any]) -> Bridge:
    """The bridge from ``old`` (n, d) to ``new`` (n, e), rows of the same n pictures.

    With X and Y centred and XᵀY = U S Vᵀ it turns by U Vᵀ (Schönemann, "A generalized solution of the
    orthogonal Procrustes problem", 1966) and scales by tr S / |X Uᵣ|², the least squares on what is kept.
    """
    import numpy as np

    before, after = old.mean(axis=0), new.mean(axis=0)
    centred = np.asarray(old - before, np.float64)
    left, values, right = np.linalg.svd(
        centred.T @ np.asarray(new - after, np.float64), full_matrices=False
    )
    spread = float(((centred @ left) ** 2).sum()) or 1.0
    turn = left @ right * (float(values.sum()) / spread)
    return Bridge(before.astype(np.float32), after.astype(np.float32), turn.astype(np.float32))


def ridge(old: NDArray[Any], new: NDArray[Any], strength: float, *, centred: bool = True) -> Bridge:
    """The bridge from ``old`` (n, d) to ``new`` (n, e), rows of the same n texts, as a ridge regression.

    W = (XᵀX + λI)⁻¹XᵀY (Hoerl and Kennard, "Ridge regression", 1970), with X and Y ``centred`` or as
    they are; λ is ``strength`` times the mean of XᵀX's diagonal, whatever n and the lengths of rows.
    """
    import numpy as np

    given, wanted = np.asarray(old, np.float64), np.asarray(new, np.float64)
    before, after = given.mean(axis=0) * centred, wanted.mean(axis=0) * centred
    given, wanted = given - before, wanted - after
    gram = given.T @ given
    gram[np.diag_indices_from(gram)] += strength * (float(np.trace(gram)) / len(gram) or 1.0)
    turn = np.linalg.solve(gram, given.T @ wanted)
    return Bridge(before.astype(np.float32), after.astype(np.float32), turn.astype(np.float32))


def best_ridge(
    old: NDArray[Any], new: NDArray[Any], tried_old: NDArray[Any], tried_new: NDArray[Any]
) -> Bridge:
    """The ridge from ``old`` to ``new`` that agrees best on the rows that are ``tried``.

    Of all STRENGTHS, with bias (centred) and without.
    """
    bridges = [ridge(old, new, one, centred=bias) for bias in (True, False) for one in STRENGTHS]
    return max(bridges, key=lambda bridge: agreement(tried_new, bridge(tried_old), asking=True))


def agreement(exact: NDArray[Any], mapped: NDArray[Any], k: int = 10, *, asking: bool = False) -> float:
    """How much of the ``k`` nearest of each row is the same among ``exact`` and ``mapped`` rows, 0 to 1.

    The questions are the exact rows, each of which looks among all others; (n, e) both. With ``asking``
    the questions are exact and mapped, and what they look among is exact. Of few rows fewer are looked
    at, a quarter at most: among all of them any two are alike.
    """
    import numpy as np

    if len(exact) < 2:
        return 0.0
    k = min(k, max(1, len(exact) // 4))

    def nearest(rows: NDArray[Any]) -> NDArray[Any]:
        pair = (rows, exact) if asking else (exact, rows)
        scores = np.asarray(pair[0], np.float32) @ np.asarray(pair[1], np.float32).T
        np.fill_diagonal(scores, -np.inf)
        return np.argpartition(-scores, k - 1, axis=1)[:, :k]

    pairs = zip(nearest(exact), nearest(mapped), strict=True)
    return float(np.mean([len(np.intersect1d(one, other)) / k for one, other in pairs]))
