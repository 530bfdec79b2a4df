"""A light query side, learnt: both towers encode the same texts, and a ridge regression joins them.

Every vector is in the cache the moment it is there, so that learning that was killed goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from ...indexes.mapping import agreement, best_ridge
from ..encoders.light import End, Light
from ..errors import ConfigError, InputError
from .cache import batched
from .encoder import CachedEncoder
from .facts import facts_key, facts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE = 10_000  # texts that both towers encode
LEAST_TEXTS = 100  # fewer say nothing of a space
LEAST = 0.4  # agreement below which a light side would mislead
HELD_OUT, MOST_HELD_OUT = 5, 4000  # every so many-th text is not learnt from, and so many at most
OnProgress = Callable[[int, int], None]


def learn_light(
    texts: Sequence[str],
    small: tuple[str, CachedEncoder],
    big: tuple[str, CachedEncoder],
    *,
    sample: int = SAMPLE,
    least: float = LEAST,
    on_progress: OnProgress | None = None,
) -> Light:
    """The map from ``small`` to ``big`` (profile and encoder), learnt from ``sample`` of the texts.

    A fifth of them is held out: one half chooses among the ridges, the other gives the agreement.
    Raises InputError for too few texts, ConfigError for one tower that is both, and for an agreement
    below ``least``; and what loading the towers raises.
    """
    chosen = drawn(texts, sample)
    if len(chosen) < LEAST_TEXTS:
        raise InputError(
            f"{len(chosen)} different texts are too few: {LEAST_TEXTS} are wanted at least",
            "give more (--texts FILE, a line each), such as people would ask for",
        )
    if small[1].fingerprint == big[1].fingerprint:
        raise ConfigError(f"{big[1].name} is both towers", "name a smaller one: --small PROFILE")
    before, after = _encoded(chosen, [small[1], big[1]], on_progress)
    bridge, learnt, agreed = learnt_from(before, after)
    if agreed < least:
        raise ConfigError(
            f"{small[1].name} says too little of {big[1].name}: {agreed:.2f} of the ten nearest are the "
            f"same, and {least:.2f} are wanted (learnt from {learnt} texts)",
            "name another small tower, or give more texts, such as people would ask for",
        )
    ends = [
        End(replace(one.spec, device="auto"), facts_of(one), name, facts_key(one.spec))
        for name, one in (small, big)
    ]
    return Light(ends[0], ends[1], bridge, learnt, round(agreed, 4))


def drawn(texts: Sequence[str], sample: int) -> list[str]:
    """At most ``sample`` different texts, by lot, the same in every run; empty ones are left out."""
    different = sorted({" ".join(text.split()) for text in texts} - {""})
    return Random(0).sample(different, min(sample, len(different)))


def learnt_from(before: NDArray[Any], after: NDArray[Any]) -> tuple[Any, int, float]:
    """The bridge between rows of the same texts, from how many, and its agreement on others."""
    import numpy as np

    place = np.arange(len(before)) % (2 * HELD_OUT)
    learns = place % HELD_OUT != 0
    chooses, tests = (np.flatnonzero(place == n)[: MOST_HELD_OUT // 2] for n in (0, HELD_OUT))
    bridge = best_ridge(before[learns], after[learns], before[chooses], after[chooses])
    return bridge, int(learns.sum()), agreement(after[tests], bridge(before[tests]), asking=True)


def _encoded(
    texts: Sequence[str], encoders: Sequence[CachedEncoder], on_progress: OnProgress | None
) -> list[NDArray[Any]]:
    """(n, d) float32 rows by each encoder."""
    import numpy as np

    found, done = [], 0
    for encoder in encoders:
        parts = []
        for part in batched(texts, 16 * encoder.spec.batch_size):
            parts.append(encoder.encode_texts(part))
            done += len(part)
            if on_progress:
                on_progress(done, len(texts) * len(encoders))
        found.append(np.concatenate(parts))
    return found
