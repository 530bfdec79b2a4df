"""Tune: search a recipe's weights on one half of a benchmark's queries, and report on the other.

The halves are decided by a hash of the query's id, so they are the same on every machine. The search
tries settings over pools (see `pools`); base and chosen weights are then scored again exactly, over
the whole gallery and as the protocol says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...indexes.searchers import make_searcher
from ..benchmarks.records import Case
from ..config.parts import Fusion
from ..config.recipe import Recipe
from ..errors import ConfigError
from ..evaluation.compare import Difference, differences
from ..evaluation.evaluate import CHUNK
from ..evaluation.opened import Opened
from ..evaluation.runs import Result, Run
from ..records.trace import Grain, Trace
from ..scoring import FAMILIES, linear
from ..stages.pacing import needs, portions
from ..stages.search import search as search_gallery
from .halves import check_labels, half_of, other_half
from .pools import SIZE, Metric, Pool, PoolQuery, means, pools
from .settings import Chosen, find


@dataclass(frozen=True)
class Weighed:
    """A recipe whose ``grains`` are searched; they are the shares of ``mix`` where it names one."""

    recipe: Recipe
    mix: str = ""

    @property
    def weights(self) -> dict[str, float]:
        """What is searched: all weights but zero."""
        return {name: weight for name, weight in self.recipe.grains.items() if weight}


def weighable(recipe: Recipe) -> Weighed:
    """The recipe as it is searched. Raises ConfigError where there is nothing to search.

    Where its only grain is a mix, the shares of the mix are the weights: one score's length and
    calibration change no order, so the parts are grains of their own.
    """
    if not FAMILIES[recipe.fusion.family].folds:
        raise ConfigError(
            f"recipe {recipe.name} scores by the family {recipe.fusion.family!r}",
            "only the weights of a linear recipe can be tuned",
        )
    if recipe.caption_weights or recipe.region_weights:
        other = "captions" if recipe.caption_weights else "parts of pictures"
        raise ConfigError(
            f"recipe {recipe.name} scores {other} beside pictures",
            "only the weights of [grains] can be tuned: name a recipe without other tables of grains",
        )
    weighed = Weighed(recipe)
    names = list(weighed.weights)
    only = names[0] if len(names) == 1 else ""
    if only in recipe.mixes and recipe.grains[only] > 0 and recipe.fusion.calibration != "centred":
        loose = {"grains": dict(recipe.mixes[only]), "mixes": {}, "fusion": Fusion()}
        weighed = Weighed(recipe.model_copy(update=loose), only)
    if len(weighed.weights) < 2:
        raise ConfigError(
            f"recipe {recipe.name} has one grain with a weight: there is nothing to tune",
            "name a recipe with several grains",
        )
    return weighed


@dataclass(frozen=True)
class Grounded:
    """A benchmark's queries with their grains: nothing below this asks a model."""

    job: Opened
    cases: tuple[Case, ...]
    traces: tuple[Trace, ...]

    @classmethod
    def of(cls, job: Opened, on_progress: Callable[[int, int], None] | None = None) -> Grounded:
        """Run the stages up to ground. ``job`` is open, its recipe is that of `weighable`."""
        traces: list[Trace] = []
        for part in portions(job.cases, needs(job.composer), CHUNK):
            traces += job.traces(part, until="ground")
            if on_progress:
                on_progress(len(traces), len(job.cases))
        return cls(job, job.cases, tuple(traces))

    def half(self, name: str) -> Grounded:
        """The labelled queries of one half."""
        kept = [
            (case, trace)
            for case, trace in zip(self.cases, self.traces, strict=True)
            if half_of(case.group or case.id) == name and case.targets
        ]
        return Grounded(self.job, tuple(c for c, _ in kept), tuple(t for _, t in kept))

    def pools(self, metric: Metric, size: int = SIZE) -> list[Pool]:
        """One pool per query; a query that failed has no candidate, and counts as not found."""
        recipe, index = self.job.composer.recipe, self.job.composer.gallery
        asked = [
            self._question(case, trace, metric)
            for case, trace in zip(self.cases, self.traces, strict=True)
            if not trace.error
        ]
        made = pools(index, recipe.fusion, Weighed(recipe).weights, asked, size)
        nothing = Pool(np.zeros((0, 0), np.float32), np.zeros(0, np.float32), 0, 1)
        return made + [nothing] * (len(self.traces) - len(asked))

    def _question(self, case: Case, trace: Trace, metric: Metric) -> PoolQuery:
        scope, rules = self.job.scope(case), self.job.benchmark.protocol
        right = dict.fromkeys(case.correct if metric.kind == "mAP" else case.targets)
        if rules.exclude_reference:  # as `scoring.score` counts
            right.pop(case.reference, None)
        rows = [self.job.row[ident] for ident in right if ident in self.job.row]
        alone = rules.own_galleries or metric.kind == "subset_recall"
        only = scope.subset if alone else None
        return PoolQuery(trace.grains, rows, len(right), scope.exclude, only)

    def run(self, name: str, weights: Mapping[str, float], fusion: Fusion | None = None) -> Run:
        """The exact rankings by ``weights`` over the whole gallery, as a run of that name."""
        composer = self.job.composer
        before = Weighed(composer.recipe).weights
        fusion, searcher = fusion or composer.recipe.fusion, make_searcher(composer.searcher)
        results: list[Result] = []
        for start in range(0, len(self.traces), CHUNK):
            part = slice(start, start + CHUNK)
            pairs = list(zip(self.cases[part], self.traces[part], strict=True))
            alive = [pair for pair in pairs if not pair[1].error]
            grains = [reweighted(trace.grains, before, weights) for _, trace in alive]
            scopes = [self.job.scope(case) for case, _ in alive]
            found = search_gallery(composer.gallery, grains, fusion, self.job.places, scopes, searcher)
            ranked = {
                case.id: replace(trace, ranking=ranking, subset=subset)
                for (case, trace), (ranking, subset) in zip(alive, found, strict=True)
            }
            results += [self.job.result(case, ranked.get(case.id, trace)) for case, trace in pairs]
        return Run(Path(name), {**self.job.config(), "queries": len(self.cases)}, tuple(results))

    def spreads(self) -> dict[str, float]:
        """Role → the mean standard deviation of its grains' cosines over the gallery."""
        index = self.job.composer.gallery
        found: dict[str, list[float]] = {}
        for trace in self.traces:
            for grain in trace.grains:
                found.setdefault(grain.role, []).append(float(linear.spread_of(grain.vector, index.sigma)))
        return {role: float(np.mean(values)) for role, values in found.items()}


def reweighted(
    grains: Sequence[Grain], before: Mapping[str, float], after: Mapping[str, float]
) -> list[Grain]:
    """The grains with each role's weight changed; grains of one role keep their shares of it."""
    return [
        replace(grain, weight=grain.weight / before[grain.role] * after[grain.role])
        if grain.role in before
        else grain
        for grain in grains
    ]


@dataclass(frozen=True)
class Tuning:
    """What was found, on which half, and what it is worth there and on the half held out.

    ``runs`` are (what, half, run): the recipe's weights without calibration (where it has one), as
    they are, and the tuned ones, on both halves. ``differences`` are tuned minus base, on the half
    held out.
    """

    weighed: Weighed
    metric: Metric
    half: str
    seed: int
    weights: dict[str, float]
    found: Chosen
    spreads: dict[str, float]
    runs: tuple[tuple[str, str, Run], ...]
    differences: tuple[Difference, ...]

    @property
    def source(self) -> str:
        """For a recipe's ``weights_from``: benchmark, split, half, metric, n, seed."""
        run = next(run for _, half, run in self.runs if half == self.half)
        return (
            f"ours: tuned on {run.config['benchmark']} {run.config['split']}, {self.half} half, "
            f"{self.metric.name}, n {len(run.results)}, seed {self.seed}"
        )


def tune(
    grounded: Grounded,
    weighed: Weighed,
    metric: Metric,
    half: str,
    *,
    trials: int = 2000,
    seed: int = 0,
    allow_negative: bool = False,
    size: int = SIZE,
) -> Tuning:
    """Search on ``half``, then score exactly on both halves.

    The queries of the other half are not looked at before the weights are chosen. Raises
    ConfigError for a half that is none, InputError for a half without queries.
    """
    held_out = other_half(half)
    check_labels(grounded.cases)
    searched, kept = grounded.half(half), grounded.half(held_out)
    base = weighed.weights
    made = searched.pools(metric, size)
    found = find(
        lambda settings: means(made, metric, settings),
        list(base.values()),
        trials=trials,
        seed=seed,
        allow_negative=allow_negative,
    )
    weights = dict(zip(base, found.weights, strict=True))
    fusion = weighed.recipe.fusion
    sides = [("base", base, fusion), ("tuned", weights, fusion)]
    if fusion.calibration != "none":
        plain = fusion.model_copy(update={"calibration": "none"})
        sides.insert(0, ("base, uncalibrated", base, plain))
    runs = {
        (what, name): part.run(what, used, rule)
        for name, part in ((half, searched), (held_out, kept))
        for what, used, rule in sides
    }
    return Tuning(
        weighed,
        metric,
        half,
        seed,
        weights,
        found,
        grounded.spreads(),
        tuple((what, name, run) for (what, name), run in runs.items()),
        tuple(differences(runs["base", held_out], runs["tuned", held_out])),
    )
