"""Variants held against the first one: differences, their p-values, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from ..benchmarks.records import Protocol
from ..errors import ConfigError, did_you_mean
from ..evaluation import metrics
from ..evaluation.compare import Difference, paired
from . import proxies
from .agreement import jaccard, rank_biased_overlap
from .trial import Trial

AGREEING = 10  # places in which rankings are compared


@dataclass(frozen=True)
class Against:
    """A value of a variant against the baseline's; ``corrected`` is None where it is not tested."""

    variant: str
    difference: Difference
    corrected: float | None = None


@dataclass(frozen=True)
class Moved:
    """One query under the baseline and under a variant.

    ``first`` and ``second`` are its values, ``before`` and ``after`` the places of its best target,
    None where it has no label.
    """

    id: str
    modification: str
    first: float
    second: float
    before: int | None = None
    after: int | None = None

    @property
    def gain(self) -> tuple[float, float]:
        """How far it went up: by value, then by the place of its target, the high places first."""
        if self.before is None or self.after is None:
            return self.second - self.first, 0.0
        return self.second - self.first, 1 / self.after - 1 / self.before


@dataclass(frozen=True)
class Agreement:
    """Mean likeness of two variants' rankings."""

    first: str
    second: str
    jaccard: float
    overlap: float


@dataclass(frozen=True)
class Comparison:
    """All figures; the first of ``trials`` is the baseline. ``tested`` names what has p-values.

    ``scores``: variant → value → mean, low, high, n. ``moves``: variant → every query.
    """

    asked: Mapping[str, Any]
    trials: tuple[Trial, ...]
    tested: tuple[str, ...]
    scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    against: tuple[Against, ...]
    agreement: tuple[Agreement, ...]
    moves: Mapping[str, tuple[Moved, ...]]

    @property
    def baseline(self) -> Trial:
        """The variant that the others are held against."""
        return self.trials[0]

    @property
    def labelled(self) -> bool:
        """Whether any query says what is correct."""
        return bool(self.baseline.places)


def to_test(protocol: Protocol, labelled: bool, asked: Sequence[str]) -> tuple[str, ...]:
    """The values to be tested: those ``asked`` for, else the headline of what can be known.

    Raises ConfigError for one that cannot be had.
    """

    known = [name for name in protocol.metrics if ":" not in name] if labelled else []
    known += proxies.NAMES
    for name in asked:
        if name not in known:
            raise ConfigError(
                f"these queries have no value {name!r}" + ("" if labelled else " (no labels)"),
                did_you_mean(name, known),
            )
    default = protocol.metric if labelled else proxies.FIRST
    return tuple(dict.fromkeys(asked)) or (default,)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the given order.

    "A simple sequentially rejective multiple test procedure" (Scandinavian Journal of Statistics
    6(2), 1979): the i-th smallest of m is multiplied by m − i + 1, and no value is below one that
    was smaller before.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected, reached = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        reached = max(reached, min(1.0, (len(order) - rank) * p_values[place]))
        corrected[place] = reached
    return corrected


def compare(trials: Sequence[Trial], tested: Sequence[str], asked: Mapping[str, Any]) -> Comparison:
    """Everything about two trials or more of the same queries."""
    first, *others = trials
    scores = {trial.variant.name: _scores(trial) for trial in trials}
    return Comparison(
        asked=asked,
        trials=tuple(trials),
        tested=tuple(tested),
        scores=scores,
        against=_against(first, others, tested),
        agreement=tuple(
            _agreement(one, other) for number, one in enumerate(trials) for other in trials[number + 1 :]
        ),
        moves={other.variant.name: _moves(first, other, tested[0]) for other in others},
    )


def _scores(trial: Trial) -> dict[str, dict[str, float]]:
    return metrics.table([values for values in trial.values.values() if values])


def _against(first: Trial, others: Sequence[Trial], tested: Sequence[str]) -> tuple[Against, ...]:
    """Every value of the whole set of queries (parts of it, "Recall@10 colour", are not compared)."""
    found = [
        Against(other.variant.name, _difference(name, first, other))
        for other in others
        for name in _whole(first)
        if _shared(name, first, other)
    ]
    family = [place for place, one in enumerate(found) if one.difference.metric in tested]
    corrected = holm([found[place].difference.p_value for place in family])
    for place, p in zip(family, corrected, strict=True):
        found[place] = Against(found[place].variant, found[place].difference, p)
    return tuple(found)


def _whole(trial: Trial) -> list[str]:
    names = dict.fromkeys(name for values in trial.values.values() for name in values)
    return [name for name in names if " " not in name]


def _shared(name: str, first: Trial, other: Trial) -> list[str]:
    """Queries that have the value on both sides: a failed query has no proxy."""
    return [i for i, values in first.values.items() if name in values and name in other.values[i]]


def _difference(name: str, first: Trial, other: Trial) -> Difference:
    return paired(name, first.values, other.values, _shared(name, first, other))


def _agreement(one: Trial, other: Trial) -> Agreement:
    a, b = one.ranked(), other.ranked()
    return Agreement(
        one.variant.name,
        other.variant.name,
        fmean(jaccard(a[ident], b[ident], AGREEING) for ident in a),
        fmean(rank_biased_overlap(a[ident], b[ident]) for ident in a),
    )


def _moves(first: Trial, other: Trial, name: str) -> tuple[Moved, ...]:
    """Every query that has the value, those that gained most first."""
    sentence = {trace.query.id: trace.query.modification for trace in first.traces}
    moves = [
        Moved(
            ident,
            sentence[ident],
            first.values[ident][name],
            other.values[ident][name],
            first.places.get(ident),
            other.places.get(ident),
        )
        for ident in _shared(name, first, other)
    ]
    return tuple(sorted(moves, key=lambda move: move.gain, reverse=True))


def record(comparison: Comparison) -> dict[str, Any]:
    """All figures as plain JSON; queries that did not move are left out of the moves."""
    return {
        "asked": dict(comparison.asked),
        "baseline": comparison.baseline.variant.name,
        "tested": list(comparison.tested),
        "correction": "Holm over all tested values of all variants",
        "variants": [_variant(comparison, trial) for trial in comparison.trials],
        "against_baseline": [
            {"variant": one.variant, **asdict(one.difference), "p_corrected": one.corrected}
            for one in comparison.against
        ],
        "agreement": [
            {
                "first": one.first,
                "second": one.second,
                f"jaccard@{AGREEING}": one.jaccard,
                "rank_biased_overlap": one.overlap,
            }
            for one in comparison.agreement
        ],
        "moves": {
            name: [asdict(move) for move in moves if move.gain != (0.0, 0.0)]
            for name, moves in comparison.moves.items()
        },
    }


def _variant(comparison: Comparison, trial: Trial) -> dict[str, Any]:
    variant, replies = trial.variant, trial.replies
    rates = ("errors", "fallbacks", "strict", "repaired", "unusable")
    return {
        "name": variant.name,
        "folder": variant.folder,
        "prompt": variant.prompt.name,
        "prompt_version": variant.prompt.version,
        "prompt_fingerprint": variant.prompt.fingerprint,
        "profile": variant.profile,
        "reasoner": trial.run.config["reasoner"],
        "scores": comparison.scores[variant.name],
        "replies": asdict(replies),
        "rates": {name: replies.rate(name) for name in rates},
    }


def wins(moves: Sequence[Moved]) -> tuple[int, int, int]:
    """How many queries are better, worse, and the same as under the baseline."""
    better = sum(move.gain > (0.0, 0.0) for move in moves)
    worse = sum(move.gain < (0.0, 0.0) for move in moves)
    return better, worse, len(moves) - better - worse
