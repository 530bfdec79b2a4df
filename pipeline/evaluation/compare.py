"""Two runs side by side, query by query: is the difference real, and where does it come from?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..asking.ledger import costs
from ..errors import ConfigError, InputError
from ..records.lines import read_lines
from . import metrics, runs
from .judging import rows_of
from .runs import Run

PERMUTATIONS = 10_000


@dataclass(frozen=True)
class Difference:
    """A metric of two runs over the queries both have: B minus A, paired."""

    metric: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    p_value: float
    n: int


@dataclass(frozen=True)
class Changed:
    """One query whose metric differs: by how much, and what it asked."""

    id: str
    modification: str
    first: float
    second: float


def p_value(differences: Sequence[float], *, seed: int = 0) -> float:
    """Two-sided p of a paired permutation test: signs of the differences are drawn anew.

    (1 + the draws whose mean is at least as far from 0) / (1 + all draws), Phipson and Smyth 2010.
    """
    data = np.asarray(differences, np.float64)
    data = data[data != 0]
    if not data.size:
        return 1.0
    rng = np.random.default_rng(seed)
    seen = abs(data.sum())
    as_far = 0
    for start in range(0, PERMUTATIONS, 500):
        signs = rng.integers(0, 2, (min(500, PERMUTATIONS - start), data.size)) * 2 - 1
        as_far += int((np.abs(signs @ data) >= seen - 1e-12).sum())
    return (1 + as_far) / (1 + PERMUTATIONS)


def differences(first: Run, second: Run) -> list[Difference]:
    """Every metric that both runs have. Raises ConfigError for runs that cannot be compared."""
    if first.config["protocol"] != second.config["protocol"]:
        raise ConfigError(
            f"{first.name} was made under {first.protocol.title}, {second.name} under "
            f"{second.protocol.title}",
            "compare runs of one protocol",
        )
    a, b = runs.per_query(first), runs.per_query(second)
    shared = [ident for ident in a if ident in b]
    if not shared:
        raise InputError(f"{first.name} and {second.name} have no labelled query in common")
    names = list(dict.fromkeys(name for ident in shared for name in a[ident]))
    both = {name: [i for i in shared if name in a[i] and name in b[i]] for name in names}
    return [paired(name, a, b, having) for name, having in both.items() if having]


def paired(
    name: str,
    a: Mapping[str, Mapping[str, float]],
    b: Mapping[str, Mapping[str, float]],
    shared: Sequence[str],
) -> Difference:
    """The difference of one value over the ``shared`` queries, by id; both sides have it there."""
    before, after = ([side[ident][name] for ident in shared] for side in (a, b))
    moved = [y - x for x, y in zip(before, after, strict=True)]
    mean, low, high = metrics.interval(moved)
    return Difference(
        name, float(np.mean(before)), float(np.mean(after)), mean, low, high, p_value(moved), len(shared)
    )


def changes(first: Run, second: Run, metric: str, count: int = 5) -> tuple[list[Changed], list[Changed]]:
    """The queries that gained and that lost most in ``metric``, then by the place of their target."""
    a, b = runs.per_query(first), runs.per_query(second)
    spots = places(first), places(second)
    sentence = {result.case.id: result.case.modification for result in first.results}
    for result in first.results:  # a group by the first that is asked of it
        for group in rows_of(result.case):
            sentence.setdefault(group, result.case.modification)
    moved = sorted(
        (
            (b[i][metric] - a[i][metric], spots[0].get(i, 0) - spots[1].get(i, 0), i)
            for i in sentence
            if metric in a.get(i, {}) and metric in b.get(i, {})
        ),
        reverse=True,
    )
    gained = [row for row in moved if row[0] > 0][:count]
    lost = [row for row in moved[::-1] if row[0] < 0][:count]
    return tuple(  # type: ignore[return-value]
        [Changed(i, sentence[i], a[i][metric], b[i][metric]) for _, _, i in rows] for rows in (gained, lost)
    )


def places(run: Run) -> dict[str, int]:
    """Query id → the best place of a target, or one behind the last place."""
    found = {}
    for result in run.results:
        ranking = result.subset if run.protocol.own_galleries else result.ranking
        flags = metrics.hits(ranking, set(result.case.targets))
        found[result.case.id] = flags.index(True) + 1 if True in flags else len(flags) + 1
    return found


def cost(run: Run) -> dict[str, Any]:
    """Calls and tokens of the answers; of these the calls that the run itself made, what they cost in
    US dollars, and those that the cache saved it; the seconds that this machine spent.
    """
    numbers = runs.summary(run)
    seconds = 0.0
    log = run.folder / runs.LOG
    if log.exists():
        rows = [json.loads(line) for _, line in read_lines(log)]
        seconds = sum(sum(row["seconds"].values()) for row in rows)
    keys = ("queries", "errors", "fallbacks", "repaired", "calls", "prompt_tokens", "reply_tokens")
    return {
        "run": run.name,
        **{key: numbers[key] for key in keys},
        **costs(run.folder / runs.SPENDING),
        "seconds": round(seconds, 1),
    }
