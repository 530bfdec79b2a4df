"""Evaluate a recipe on a benchmark: stage by stage, streamed, safe to kill and to continue."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from ...indexes.errors import IndexDamaged, Problem
from ...indexes.milvus.address import is_address
from ...indexes.parts import CROPS
from ..benchmarks import crops
from ..benchmarks.records import Benchmark, Case
from ..errors import InputError
from ..records import lines
from ..records.trace import Trace
from ..stages.composer import Composer
from ..stages.pacing import needs, portions
from . import runs
from .opened import Opened, config_of
from .sources import Source, index_beside

if TYPE_CHECKING:
    from ...indexes.cluster import Elsewhere
    from ...indexes.region_build import RegionSpec

CHUNK = 256
OnProgress = Callable[[int, int], None]
Failures = tuple[Problem, ...]


@dataclass(frozen=True)
class Report:
    """What an evaluation did: queries answered now, and found done; pictures that failed."""

    answered: int
    skipped: int
    failed_pictures: Failures


def sample(cases: Sequence[Case], count: int | None, seed: int, limit: int | None) -> tuple[Case, ...]:
    """``count`` cases by lot, in the order of the benchmark, then the first ``limit`` of them.

    The cases of one group count as one, and stay together.
    """
    together: dict[str, list[Case]] = {}
    for number, case in enumerate(cases):
        together.setdefault(f"group {case.group}" if case.group else f"case {number}", []).append(case)
    chosen = list(together.values())
    if count is not None and count < len(chosen):
        kept = set(Random(seed).sample(range(len(chosen)), count))
        chosen = [one for number, one in enumerate(chosen) if number in kept]
    return tuple(case for one in chosen[:limit] for case in one)


@dataclass
class Evaluation:
    """One evaluation: a benchmark, the cases of it that are asked, a composer, and two folders.

    With ``captions``, by item id, the gallery is these captions, and no picture is looked at.
    ``elsewhere`` is a Ray cluster that encodes the gallery.
    """

    benchmark: Benchmark
    cases: tuple[Case, ...]
    composer: Composer
    folder: Path
    index_folder: Path
    captions: Mapping[str, tuple[str, ...]] | None = None
    elsewhere: Elsewhere | None = None

    def run(
        self,
        settings: Mapping[str, Any],
        *,
        retry_errors: bool = False,
        on_index: Callable[[int, int], None] | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        source: Source | None = None,
    ) -> Report:
        """Answer what has no line yet, then write the metrics.

        ``settings`` (sampling, …) are kept in the run's config, ``source`` (where the data lie)
        beside it. Raises ConfigError where the folder holds another run, what building the index
        raises, and BudgetReached after the lines of what it paid for; the metrics are then not
        written.
        """
        runs.start(self.folder, {**config_of(self.benchmark, self.cases, self.composer), **settings})
        if source:
            source.keep(self.folder)
        opened, failed = self.open(on_index)
        path = self.folder / runs.RESULTS
        lines.whole_lines(path)
        lines.whole_lines(self.folder / runs.LOG)
        done = {result.case.id: result for result in runs.read_results(path)}
        if retry_errors and any(result.error for result in done.values()):
            done = {ident: result for ident, result in done.items() if not result.error}
            lines.rewrite(path, (result.to_line() for result in done.values()))
        waiting = [case for case in self.cases if case.id not in done]
        answered = 0
        for part in portions(waiting, needs(self.composer), CHUNK):
            self._answer(opened, part)
            answered += len(part)
            if on_progress:
                on_progress(len(done) + answered, len(self.cases))
        self._finish()
        return Report(len(waiting), len(done), failed)

    def open(self, on_progress: OnProgress | None = None) -> tuple[Opened, Failures]:
        """Build or refresh the index of the gallery.

        Gives (path, reason) of pictures that failed, too. Raises what building the index raises.
        """
        if self.captions is not None:
            from ...indexes.captions import build_captions, captions_of

            texts = captions_of(self.captions)
            build_captions(texts, self.index_folder, self.composer.encoder, on_progress=on_progress)
            composer = self.composer.on(self.index_folder)
            row = {item.id: item.row for item in composer.gallery.all_items()}
            return Opened(self.benchmark, self.cases, composer, row, {}, self.captions), ()
        if is_address(self.index_folder):
            return self._elsewhere(), ()
        items = crops.cut(self.benchmark.items, self.index_folder.with_suffix(".crops"))
        path = {item.id: item.path for item in items}
        failed = self._index(list(path.values()), on_progress)
        composer = self.composer.on(self.index_folder)
        rows = {item.path: item.row for item in composer.gallery.all_items()}
        whole = {ident: str(place.absolute()) for ident, place in path.items()}
        row = {ident: rows[place] for ident, place in whole.items() if place in rows}
        return Opened(self.benchmark, self.cases, composer, row, path), failed

    def _elsewhere(self) -> Opened:
        """Over a gallery in Milvus, whose items are known by the paths of their files.

        Raises InputError where it holds none of the benchmark's pictures, or others.
        """
        composer = self.composer.on(self.index_folder)
        rows = {item.path: item.row for item in composer.gallery.all_items()}
        path = {item.id: item.path for item in self.benchmark.items}
        whole = {ident: str(place.absolute()) for ident, place in path.items()}
        row = {ident: rows[place] for ident, place in whole.items() if place in rows}
        if not row or not set(rows) <= set(whole.values()):
            raise InputError(
                f"{self.index_folder} is not the gallery of {self.benchmark.name}: {len(row)} of its "
                f"{len(path)} pictures are among {len(rows)} items",
                "build the index with `likebut eval --index DIR`, and push that",
            )
        return Opened(self.benchmark, self.cases, composer, row, path)

    def _index(self, pictures: list[Path], on_progress: OnProgress | None) -> Failures:
        from ...indexes.build import build

        own = index_beside(self.folder, self.benchmark, self.composer.encoder.fingerprint)
        failed = build(
            pictures,
            self.index_folder,
            self.composer.encoder,
            on_progress=on_progress,
            change_roots=self.index_folder.name == own.name,
            regions=self._regions(),
            elsewhere=self.elsewhere,
        ).failed
        if self.composer.recipe.needs_captions:
            from ..batch.captioning import caption_for_run, captioner_of

            captioner = captioner_of(self.composer)
            failed += caption_for_run(self.index_folder, captioner, on_progress).failed
        return failed

    def _regions(self) -> RegionSpec | None:
        """The parts that the recipe wants and the index lacks; what it has is kept up by any build."""
        from ...indexes.region_build import RegionSpec
        from ...indexes.regions import earlier_regions

        recipe = self.composer.recipe
        kind = recipe.regions.kind
        if not recipe.region_weights:
            return None
        with suppress(IndexDamaged):
            there = earlier_regions(self.index_folder)
            if there and kind in ("", there.kind):
                return None
        return RegionSpec(kind or CROPS)

    def _answer(self, opened: Opened, cases: Sequence[Case]) -> None:
        traces = opened.traces(cases)
        results = [opened.result(case, trace) for case, trace in zip(cases, traces, strict=True)]
        lines.append(self.folder / runs.LOG, (_log_line(trace) for trace in traces))
        lines.append(self.folder / runs.RESULTS, (result.to_line() for result in results))

    def _finish(self) -> None:
        """Bring the lines into the benchmark's order, and write the metrics."""
        path = self.folder / runs.RESULTS
        by_id = {result.case.id: result for result in runs.read_results(path)}
        gone = [case.id for case in self.cases if case.id not in by_id]
        if gone:
            raise InputError(f"{path} has no result of query {gone[0]}")
        if list(by_id) != [case.id for case in self.cases]:
            lines.rewrite(path, (by_id[case.id].to_line() for case in self.cases))
        lines.write_json(self.folder / runs.METRICS, runs.summary(runs.open_run(self.folder)))


def _log_line(trace: Trace) -> str:
    cached = sum(exchange.reply.cached for exchange in trace.exchanges)
    seconds = {stage: round(value, 6) for stage, value in trace.seconds.items()}
    return json.dumps({"id": trace.query.id, "seconds": seconds, "cached_calls": cached}) + "\n"
