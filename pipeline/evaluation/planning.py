"""What an evaluation would take: its questions counted, before anything is indexed or asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..asking.dry import AskedBefore
from ..batch.estimate import Estimate, estimate
from ..benchmarks import crops
from ..benchmarks.records import Benchmark, Case
from ..records.trace import NOT_DESCRIBED, Description, Query, Said, Scope, Trace
from ..stages.composer import Composer
from . import runs


def estimate_run(
    benchmark: Benchmark,
    cases: Sequence[Case],
    composer: Composer,
    folder: Path,
    *,
    captions: Mapping[str, tuple[str, ...]] | None = None,
    retry_errors: bool = False,
    asked: AskedBefore | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Estimate:
    """The estimate of what `Evaluation.run` has still to do in ``folder``, which it leaves alone.

    A recipe that scores captions is taken to caption the whole gallery: what the index holds
    already is in the cache as a rule, and captions that came from a file are not known here.
    Raises InputError for a run that cannot be read.
    """
    done = runs.finished(folder / runs.RESULTS)
    waiting = [case for case in cases if case.id not in done or (retry_errors and done[case.id])]
    if captions is not None:
        traces = [
            Trace(
                # Row 0 is of no index: nothing is looked at.
                replace(_asked(case), row=0 if case.reference else None),
                description=Description(captions[case.reference]) if case.reference else NOT_DESCRIBED,
                scope=_members(case),
            )
            for case in waiting
        ]
        return estimate(composer, traces, pictures=0, asked=asked, on_progress=on_progress)
    with TemporaryDirectory() as scratch:  # models are shown parts of pictures as files
        captioned = composer.recipe.needs_captions
        shown = {case.reference for case in waiting}
        items = [item for item in benchmark.items if captioned or item.id in shown]
        path = {item.id: item.path for item in crops.cut(items, Path(scratch))}
        return estimate(
            composer,
            [Trace(_asked(case, path.get(case.reference)), scope=_members(case)) for case in waiting],
            gallery=list(path.values()) if captioned else (),
            pictures=len(benchmark.items),
            asked=asked,
            on_progress=on_progress,
        )


def _asked(case: Case, reference: Path | None = None) -> Query:
    return Query(case.id, reference, case.modification, history=tuple(map(Said, case.history)))


def _members(case: Case) -> Scope:
    """As many rows as the case's subset has, which judges look at whole."""
    return Scope(subset=range(len(case.subset)))
