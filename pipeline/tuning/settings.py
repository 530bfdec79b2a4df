"""A search for weights: settings by lot, then steps along one weight at a time.

It knows nothing of queries: it is given a function that scores many settings at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGITS = 4  # of a weight that is written
STEPS = (0.0, 0.5, 0.7, 0.85, 0.95, 1.05, 1.2, 1.4, 2.0)  # of one weight, in the refinement
RANDOM = 0.7  # of the trials; the rest refines


@dataclass(frozen=True)
class Chosen:
    """The best setting (r,) of a search, its metric over the pools, and how many were tried."""

    weights: tuple[float, ...]
    value: float
    base_value: float
    settings: int
    seconds: float


def find(
    score: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    base: Sequence[float],
    *,
    trials: int,
    seed: int,
    allow_negative: bool = False,
) -> Chosen:
    """The setting with the largest score; among equals the nearest to ``base``, which is tried, too.

    First settings by lot, near ``base`` and anywhere, then steps along one weight at a time.
    ``score`` takes (s, r) settings and gives (s,) values. A weight keeps the sign that it has in
    ``base`` unless ``allow_negative``. All settings have the sum of absolute weights of ``base``.
    """
    started = time.perf_counter()
    start = np.asarray(base, np.float64)
    drawn = _drawn(start, max(1, int(RANDOM * trials)), np.random.default_rng(seed), allow_negative)
    settings = np.concatenate([start[None], drawn])
    scores = score(settings)
    first, tried = float(scores[0]), len(settings)
    value, best = _best(settings, scores, start)
    while tried + len(STEPS) * len(start) <= trials:
        steps = _steps(best, start, allow_negative)
        tried += len(steps)
        step_value, step = _best(steps, score(steps), start)
        if not _better(step_value, step, value, best, start):
            break
        value, best = step_value, step
    return Chosen(tuple(map(float, best)), value, first, tried, time.perf_counter() - started)


def _drawn(
    base: NDArray[np.float64], count: int, rng: np.random.Generator, allow_negative: bool
) -> NDArray[np.float64]:
    """Half of them ``base`` with every weight scaled by lot, half of them any shares."""
    near = base * np.exp(rng.normal(0.0, 0.7, (count, len(base))))
    far = rng.dirichlet(np.ones(len(base)), count) * np.sign(base)
    drawn = np.where((np.arange(count) % 2 == 0)[:, None], near, far)
    drawn = np.where(rng.random(drawn.shape) < 0.1, 0.0, drawn)
    if allow_negative:
        drawn = np.where(rng.random(drawn.shape) < 0.25, -drawn, drawn)
    return _scaled(drawn, base)


def _steps(
    best: NDArray[np.float64], base: NDArray[np.float64], allow_negative: bool
) -> NDArray[np.float64]:
    """One weight changed at a time; a weight of 0 starts from a tenth of all of them."""
    steps = np.repeat(best[None], len(STEPS) * len(best), 0)
    tenth = np.abs(base).sum() / 10
    for number in range(len(best)):
        length = abs(best[number]) or tenth
        sign = np.sign(base[number])
        if allow_negative and best[number]:
            sign = np.sign(best[number])
        rows = slice(number * len(STEPS), (number + 1) * len(STEPS))
        steps[rows, number] = sign * length * np.array(STEPS)
    return _scaled(steps, base)


def _scaled(settings: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64]:
    """As they are written: of one length and few digits; a setting of zeros becomes ``base``."""
    lengths = np.abs(settings).sum(1, keepdims=True)
    scaled = settings * (np.abs(base).sum() / np.where(lengths > 0, lengths, 1.0))
    scaled = np.where(lengths > 0, scaled, base)
    return np.asarray(np.round(scaled, DIGITS) + 0.0, np.float64)  # −0 becomes 0


def _best(
    settings: NDArray[np.float64], scores: NDArray[np.float64], base: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    distance = np.linalg.norm(settings - base, axis=1)
    number = int(np.lexsort((distance, -np.round(scores, 9)))[0])
    return float(scores[number]), settings[number]


def _better(
    value: float,
    setting: NDArray[np.float64],
    than: float,
    best: NDArray[np.float64],
    base: NDArray[np.float64],
) -> bool:
    if abs(value - than) > 1e-9:
        return value > than
    near, far = (float(np.linalg.norm(one - base)) for one in (setting, best))
    return near < far - 1e-9
