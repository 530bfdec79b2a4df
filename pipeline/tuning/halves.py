"""Labelled queries in two halves: weights are chosen on one, and reported on the other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ..benchmarks.records import Case
from ..errors import ConfigError, InputError, did_you_mean

HALVES = ("first", "second")


def half_of(ident: str) -> str:
    """The half of a query, or of a whole dialogue, by the first byte of the SHA-256 of its id."""
    return HALVES[hashlib.sha256(ident.encode()).digest()[0] & 1]


def other_half(half: str) -> str:
    """The half that is held out. Raises ConfigError for a name that is none."""
    if half not in HALVES:
        raise ConfigError(f"no half {half!r}", did_you_mean(half, list(HALVES)))
    return HALVES[1 - HALVES.index(half)]


def check_labels(cases: Sequence[Case]) -> None:
    """Raises InputError where a half has no labelled query: before any model is asked."""
    labelled = {half_of(case.group or case.id) for case in cases if case.targets}
    for half in HALVES:
        if half not in labelled:
            raise InputError(
                f"the {half} half has no labelled query of {len(cases):,}",
                "tune on a split with public labels, and on more queries",
            )
