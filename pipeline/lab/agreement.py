"""How alike two rankings are, where nobody knows which is right."""

from __future__ import annotations

from collections.abc import Sequence

PERSISTENCE = 0.9  # the first ten places hold 86 % of the weight


def jaccard(first: Sequence[str], second: Sequence[str], k: int = 10) -> float:
    """What two top ``k`` share, as part of what is in either; 1.0 for two empty ones."""
    a, b = set(first[:k]), set(second[:k])
    return len(a & b) / len(a | b) if a or b else 1.0


def rank_biased_overlap(first: Sequence[str], second: Sequence[str], p: float = PERSISTENCE) -> float:
    """How far two rankings agree, the higher places weighing more; 0 to 1.

    Webber, Moffat and Zobel, "A similarity measure for indefinite rankings" (ACM TOIS 28(4), 2010),
    RBO_EXT of lists without ties: X_k/k · pᵏ + (1 − p)/p · Σ_d X_d/d · pᵈ, with X_d the number of
    items that the first d places share and k the length of the shorter list. Two empty lists
    agree, an empty one agrees with no other.
    """
    depth = min(len(first), len(second))
    if not depth:
        return float(len(first) == len(second))
    shared, total = 0, 0.0
    a: set[str] = set()
    b: set[str] = set()
    for d in range(1, depth + 1):
        one, other = first[d - 1], second[d - 1]
        shared += (one in b) + (other in a) + (one == other)
        a.add(one)
        b.add(other)
        total += shared / d * p**d
    return shared / depth * p**depth + (1 - p) / p * total
