"""What second looks will take at most: judges of first hits, their captions, and a second go.

Which hits there will be is not known before the search: no verdict is looked up in the cache, captions
are counted as if no two queries shared a hit, and a second go for every query that can have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .. import prompting
from ..asking.dry import Call, DryEngine
from ..engines.tokens import A_PICTURE, CHARACTERS
from ..records.trace import Trace
from ..stages.composer import Composer
from ..stages.judges import JUDGES
from ..stages.refine import TOKENS

ABOUT_HITS = ("rerank", "refine")  # stages
SHORT = 20  # tokens of a caption that nobody has seen


class Asked(NamedTuple):
    """Questions of one stage to one engine."""

    stage: str
    engine: DryEngine
    calls: list[Call]


@dataclass
class Looks:
    """Counts for a composer with these engines; ``pictures`` may still be captioned, None: any number."""

    composer: Composer
    captioner: DryEngine
    reasoner: DryEngine
    judge: DryEngine
    pictures: int | None = None

    def of(self, alive: Sequence[Trace]) -> Iterator[Asked]:
        """What is asked about the hits of these queries, stage by stage."""
        if alive:
            yield from self._judged("rerank", alive)
        refine = self.composer.recipe.refine
        doubted = [trace for trace in alive if can_refine(trace)] if refine else []
        if refine is None or not doubted:
            return
        asked = self._calls(refine.prompt, doubted, refine.look, TOKENS)
        yield Asked("refine", self.judge, asked * len(doubted))
        yield from self._described("refine", refine.look * len(doubted))
        limit = self.composer.reasoner_sampling.max_tokens
        again = self._calls(refine.reason, doubted, 1, limit)
        yield Asked("refine", self.reasoner, again * len(doubted))
        yield from self._judged("refine", doubted)

    def _judged(self, stage: str, alive: Sequence[Trace]) -> Iterator[Asked]:
        """The recipe's judges once over: of every query its shortlist, and its whole subset."""
        for number, one in enumerate(self.composer.recipe.rerank):
            shown = [one.top + (len(trace.scope.subset) if trace.scope else 0) for trace in alive]
            yield Asked(stage, self.judge, self._verdicts(number, shown, alive))
            if not self.composer.judge_sees:
                yield from self._described(stage, sum(shown))

    def _verdicts(self, number: int, shown: Sequence[int], alive: Sequence[Trace]) -> list[Call]:
        one = self.composer.recipe.rerank[number]
        kind = JUDGES[one.judge]
        prompt = one.prompt or (kind.seeing if self.composer.judge_sees else kind.prompt)
        each = self._calls(prompt, alive, 1 if kind.each else one.top, 1)
        lists = sum(bool(kind.relative and t.scope and len(t.scope.subset)) for t in alive)
        return each * (sum(kind.calls(count) for count in shown) + kind.once * lists)

    def _calls(self, name: str, alive: Sequence[Trace], captions: int, limit: int) -> list[Call]:
        prompt = prompting.load(name)
        known = len(alive[0].description.caption) / CHARACTERS or SHORT
        return [Call(len(prompt.source) / CHARACTERS + known + captions * SHORT, limit, None)]

    def _described(self, stage: str, hits: int) -> Iterator[Asked]:
        """Captions of hits, of every picture once at most."""
        left = hits if self.pictures is None else min(hits, self.pictures)
        if self.pictures is not None:
            self.pictures -= left
        if left:
            limit = self.composer.captioner_sampling.max_tokens
            yield Asked(stage, self.captioner, [Call(A_PICTURE, limit, None)] * left)


def can_refine(trace: Trace) -> bool:
    """Whether the reasoner was asked about it here."""
    return any(exchange.stage == "reason" for exchange in trace.exchanges)
