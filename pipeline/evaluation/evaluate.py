"""Evaluate a recipe on a benchmark: stage by stage, streamed, safe to kill and to continue."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

from ..benchmarks import crops
from ..benchmarks.records import Benchmark, Case
from ..errors import InputError
from ..records import lines
from ..records.trace import Description, Query, Scope, Trace
from ..records.traces import intent_to_json
from ..stages.composer import Composer
from ..stages.pacing import needs, portions
from . import runs
from .runs import Result
from .sources import Source, index_beside

CHUNK = 256


@dataclass(frozen=True)
class Report:
    """What an evaluation did: queries answered now, and found done; pictures that failed."""

    answered: int
    skipped: int
    failed_pictures: tuple[tuple[str, str], ...]


def sample(cases: Sequence[Case], count: int | None, seed: int, limit: int | None) -> tuple[Case, ...]:
    """``count`` cases by lot, in the order of the benchmark, then the first ``limit`` of them."""
    chosen = list(cases)
    if count is not None and count < len(chosen):
        kept = set(Random(seed).sample(range(len(chosen)), count))
        chosen = [case for number, case in enumerate(chosen) if number in kept]
    return tuple(chosen[:limit])


@dataclass
class Evaluation:
    """One evaluation: a benchmark, the cases of it that are asked, a composer, and two folders.

    With ``captions``, by item id, the gallery is these captions, and no picture is looked at.
    """

    benchmark: Benchmark
    cases: tuple[Case, ...]
    composer: Composer
    folder: Path
    index_folder: Path
    captions: Mapping[str, tuple[str, ...]] | None = None

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
        runs.start(self.folder, {**self.config(), **settings})
        if source:
            source.keep(self.folder)
        failed = self.open(on_index)
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
            self._answer(part)
            answered += len(part)
            if on_progress:
                on_progress(len(done) + answered, len(self.cases))
        self._finish()
        return Report(len(waiting), len(done), failed)

    def config(self) -> dict[str, Any]:
        """What decides the results. The composer's weights are part of its recipe."""
        composer = self.composer
        return {
            "benchmark": self.benchmark.name,
            "split": self.benchmark.split,
            "protocol": self.benchmark.protocol.to_json(),
            "queries": len(self.cases),
            "pictures": len(self.benchmark.items),
            "missing_pictures": len(self.benchmark.missing),
            "dropped_queries": len(self.benchmark.dropped),
            "recipe": composer.recipe.model_dump(mode="json"),
            "profile": composer.profile,
            "captioner": composer.captioner.model,
            "reasoner": composer.reasoner.model,
            "encoder": composer.encoder.name,
            "encoder_fingerprint": composer.encoder.fingerprint,
            "places": self.places(),
            "whole_rankings": self.places() >= len(self.benchmark.items),
        }

    def places(self) -> int:
        """One more than the largest k of any metric, so that ties at its end are seen."""
        largest = max(int(name.partition("@")[2]) for name in self.benchmark.protocol.metrics)
        return max(50, largest) + 1

    def open(self, on_progress: Callable[[int, int], None] | None = None) -> tuple[tuple[str, str], ...]:
        """Build or refresh the index of the gallery, and know each item's row.

        Gives (path, reason) of pictures that failed. Raises what building the index raises.
        """
        failed: tuple[tuple[str, str], ...] = ()
        if self.captions is not None:
            from ...indexes.captions import build_captions, captions_of

            build_captions(
                captions_of(self.captions),
                self.index_folder,
                self.composer.encoder,
                on_progress=on_progress,
            )
        else:
            failed = self._index_pictures(on_progress)
        self.composer = self.composer.on(self.index_folder)
        self.row = self._rows()
        self.item_of = {row: ident for ident, row in self.row.items()}
        return failed

    def _index_pictures(
        self, on_progress: Callable[[int, int], None] | None
    ) -> tuple[tuple[str, str], ...]:
        from ...indexes.build import build

        items = crops.cut(self.benchmark.items, self.index_folder.with_suffix(".crops"))
        self.path = {item.id: item.path for item in items}
        own = index_beside(self.folder, self.benchmark, self.composer.encoder.fingerprint)
        failed = build(
            list(self.path.values()),
            self.index_folder,
            self.composer.encoder,
            on_progress=on_progress,
            change_roots=self.index_folder.name == own.name,
        ).failed
        if self.composer.recipe.caption_weights:
            from ..batch.captioning import caption_for_run, captioner_of

            captioner = captioner_of(self.composer)
            failed += caption_for_run(self.index_folder, captioner, on_progress).failed
        return failed

    def _rows(self) -> dict[str, int]:
        if self.captions is not None:
            return {item.id: item.row for item in self.composer.gallery.all_items()}
        rows = {item.path: item.row for item in self.composer.gallery.all_items()}
        paths = {ident: str(path.absolute()) for ident, path in self.path.items()}
        return {ident: rows[path] for ident, path in paths.items() if path in rows}

    def scope(self, case: Case) -> Scope:
        """Exactly the reference is left out: a copy of it may be a target."""
        excluded = self.benchmark.protocol.exclude_reference and case.reference in self.row
        subset = [self.row[ident] for ident in case.subset if ident in self.row]
        return Scope([self.row[case.reference]] if excluded else [], subset)

    def traces(self, cases: Sequence[Case], until: Literal["ground", "search"] = "search") -> list[Trace]:
        """What the composer makes of the cases, in order, once the evaluation is open."""
        return self.composer.compose([self._begun(c) for c in cases], self.places(), until)

    def _begun(self, case: Case) -> Trace:
        """The case as a query of a picture, or of a row whose captions are known."""
        scope = self.scope(case)
        if self.captions is None:
            reference = self.path.get(case.reference)
            query = Query(case.id, reference, case.modification, wordings=case.wordings)
            return Trace(query, scope=scope)
        row = self.row[case.reference]
        query = Query(case.id, None, case.modification, row=row, wordings=case.wordings)
        captions = Description(self.captions[case.reference])
        return Trace(query, description=captions, scope=scope)

    def _answer(self, cases: Sequence[Case]) -> None:
        traces = self.traces(cases)
        results = [self.result(case, trace) for case, trace in zip(cases, traces, strict=True)]
        lines.append(self.folder / runs.LOG, (_log_line(trace) for trace in traces))
        lines.append(self.folder / runs.RESULTS, (result.to_line() for result in results))

    def result(self, case: Case, trace: Trace) -> Result:
        """The trace as a line of a run: rankings by the benchmark's own ids."""
        ranking, subset = (
            tuple((self.item_of[hit.row], hit.score) for hit in part.hits)
            for part in (trace.ranking, trace.subset)
        )
        replies = [exchange.reply for exchange in trace.exchanges]
        return Result(
            case=case,
            ranking=ranking,
            subset=subset,
            captions=trace.description.captions,
            intent=intent_to_json(trace.intent),
            calls=len(replies),
            prompt_tokens=sum(reply.prompt_tokens for reply in replies),
            reply_tokens=sum(reply.reply_tokens for reply in replies),
            repaired=sum(exchange.repaired for exchange in trace.exchanges),
            warnings=trace.warnings,
            error=trace.error,
        )

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
