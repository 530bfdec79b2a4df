"""One variant over all queries: what it answered, and what can be counted and measured of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..evaluation import runs
from ..evaluation.compare import places
from ..evaluation.evaluate import CHUNK
from ..evaluation.opened import Opened
from ..evaluation.runs import Result, Run
from ..records.trace import Ranking, Trace
from .proxies import proxies
from .replies import Replies, count
from .variants import LabVariant

if TYPE_CHECKING:
    from ..benchmarks.records import Case

KEPT = 10  # hits of a trace, with their shares; rankings keep their ids and scores

Values = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Exhibits:
    """What an item is shown as: its picture, or its captions where there are no pictures."""

    pictures: Mapping[str, Path]
    captions: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, job: Opened) -> Exhibits:
        """The gallery of an evaluation that is open."""
        if job.captions is not None:
            return cls({}, job.captions)
        return cls(job.path, {})


@dataclass(frozen=True)
class Trial:
    """A variant's traces (with ``KEPT`` hits each) and its run.

    ``values`` are its metrics and its proxies, and ``places`` the best place of a target, one
    behind the last where there is none, both by query id.
    """

    variant: LabVariant
    traces: tuple[Trace, ...]
    run: Run
    values: Values
    places: Mapping[str, int]
    replies: Replies
    gallery: Exhibits

    def ranked(self) -> dict[str, list[str]]:
        """Query id → item ids, best first."""
        own = self.run.protocol.own_galleries
        return {
            result.case.id: [ident for ident, _ in (result.subset if own else result.ranking)]
            for result in self.run.results
        }


def attempt(
    job: Opened, variant: LabVariant, on_progress: Callable[[int, int], None] | None = None
) -> Trial:
    """All cases of ``job``, which is open, by one variant. Raises what the composer raises."""
    mine = replace(job, composer=replace(job.composer, recipe=variant.recipe))
    traces: list[Trace] = []
    results: list[Result] = []
    judged: dict[str, dict[str, float]] = {}
    for start in range(0, len(mine.cases), CHUNK):
        part = mine.cases[start : start + CHUNK]
        answered = mine.traces(part)
        results += [mine.result(case, trace) for case, trace in zip(part, answered, strict=True)]
        judged |= _by_id(part, proxies(mine, part, answered))
        own = mine.benchmark.protocol.own_galleries
        traces += [_lighter(trace, trace.subset if own else trace.ranking) for trace in answered]
        if on_progress:
            on_progress(len(traces), len(mine.cases))
    run = Run(Path(variant.folder), {"format": runs.FORMAT, **mine.config()}, tuple(results))
    metrics = runs.per_query(run)
    values = {ident: {**metrics.get(ident, {}), **found} for ident, found in judged.items()}
    judge = mine.composer.judge or mine.composer.reasoner
    engines = {"describe": mine.composer.captioner, "reason": mine.composer.reasoner}
    engines |= {"rerank": judge, "refine": judge}
    prices = {stage: one.account.price if one.account else None for stage, one in engines.items()}
    replies = count(variant.prompt, variant.recipe, traces, prices)
    labelled = {result.case.id for result in results if result.case.targets}
    best = {ident: place for ident, place in places(run).items() if ident in labelled}
    return Trial(variant, tuple(traces), run, values, best, replies, Exhibits.of(mine))


def _by_id(cases: Sequence[Case], found: Sequence[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {case.id: values for case, values in zip(cases, found, strict=True)}


def _lighter(trace: Trace, ranking: Ranking) -> Trace:
    """Without vectors, and with the hits of this ranking that are looked at."""
    return replace(
        trace,
        grains=tuple(replace(grain, vector=None) for grain in trace.grains),
        ranking=Ranking(ranking.hits[:KEPT]),
        subset=Ranking(()),
    )
