"""An evaluation whose gallery is open: cases become traces, and traces lines of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from ..benchmarks.records import Benchmark, Case
from ..records.trace import NOT_DESCRIBED, Description, Query, Said, Scope, Trace
from ..records.traces import intent_to_json
from ..stages.composer import Composer
from .runs import Result


@dataclass(frozen=True)
class Opened:
    """A benchmark over the gallery that ``composer`` has: ``row`` and ``path`` are by item id.

    With ``captions``, by item id, the gallery is these captions, and no picture is looked at.
    """

    benchmark: Benchmark
    cases: tuple[Case, ...]
    composer: Composer
    row: Mapping[str, int]
    path: Mapping[str, Path]
    captions: Mapping[str, tuple[str, ...]] | None = None

    @cached_property
    def item_of(self) -> dict[int, str]:
        """Row → item id."""
        return {row: ident for ident, row in self.row.items()}

    @property
    def places(self) -> int:
        """How deep rankings are kept."""
        return places_of(self.benchmark)

    def config(self) -> dict[str, Any]:
        """What decides the results."""
        return config_of(self.benchmark, self.cases, self.composer)

    def scope(self, case: Case) -> Scope:
        """Exactly the reference is left out: a copy of it may be a target."""
        excluded = self.benchmark.protocol.exclude_reference and case.reference in self.row
        subset = [self.row[ident] for ident in case.subset if ident in self.row]
        return Scope([self.row[case.reference]] if excluded else [], subset)

    def traces(self, cases: Sequence[Case], until: Literal["ground", "rerank"] = "rerank") -> list[Trace]:
        """What the composer makes of the cases, in order, once the evaluation is open."""
        return self.composer.compose([self._begun(c) for c in cases], self.places, until)

    def _begun(self, case: Case) -> Trace:
        """The case as a query of a picture, or of a row whose captions are known."""
        scope, said = self.scope(case), tuple(map(Said, case.history))
        if self.captions is None:
            reference = self.path.get(case.reference)
            query = Query(case.id, reference, case.modification, wordings=case.wordings, history=said)
            return Trace(query, scope=scope)
        row = self.row.get(case.reference)
        query = Query(case.id, None, case.modification, row=row, wordings=case.wordings, history=said)
        captions = NOT_DESCRIBED if row is None else Description(self.captions[case.reference])
        return Trace(query, description=captions, scope=scope)

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


def config_of(benchmark: Benchmark, cases: Sequence[Case], composer: Composer) -> dict[str, Any]:
    """What decides the results. The composer's weights are part of its recipe."""
    return {
        "benchmark": benchmark.name,
        "split": benchmark.split,
        "protocol": benchmark.protocol.to_json(),
        "queries": len(cases),
        "pictures": len(benchmark.items),
        "missing_pictures": len(benchmark.missing),
        "dropped_queries": len(benchmark.dropped),
        "recipe": composer.recipe.model_dump(mode="json"),
        "profile": composer.profile,
        "captioner": composer.captioner.model,
        "reasoner": composer.reasoner.model,
        "encoder": composer.encoder.name,
        "encoder_fingerprint": composer.encoder.fingerprint,
        **({"texts_by": composer.encoder.text_fingerprint} if composer.encoder.light else {}),
        "places": places_of(benchmark),
        "whole_rankings": places_of(benchmark) >= len(benchmark.items),
    }


def places_of(benchmark: Benchmark) -> int:
    """One more than the largest k of any metric, so that ties at its end are seen."""
    largest = max(int(name.partition("@")[2] or 0) for name in benchmark.protocol.metrics)
    return max(50, largest) + 1
