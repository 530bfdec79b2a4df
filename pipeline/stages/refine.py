"""The refine stage: where the first answer is in doubt, one suggestion goes back to the reasoner, once.

WISER (CVPR 2026) looks back where no candidate is trusted, by the caption of the best one; AutoCIR (KDD
2025) lets a checker read the first ten captions of every answer. Then reason, ground, search and rerank
run once more.

The second answer takes the place of the first, unless judges are less sure of its best hit: a suggestion
that finds less loses nothing. A judge that is told the target caption looks at each answer with its own,
so this is no proof that the second is better. Rankings are not mixed, for the same reason. In WISER's
released loop the scores after the refinement are never used; here they decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import prompting
from ..asking.engine import CachedEngine
from ..config.parts import RefineStage
from ..config.recipe import Recipe
from ..engines.contract import Request
from ..errors import ReplyError
from ..prompting import Prompt
from ..prompting.reply import read_reply
from ..records.chat import Exchange, Reply, Sampling
from ..records.trace import Ranking, Refinement, Trace
from .contract import Need, Stage
from .judges.contract import Candidate, numbered, values_of
from .running import run
from .showing import Showing

TOKENS = 200  # of a suggestion


@dataclass(frozen=True)
class Refine:
    """The ``k`` best of every trace, after a second go where its first answer is in doubt.

    ``engine`` is the checker; ``again`` are the stages of the second go, from reason on.
    """

    recipe: Recipe
    stage: RefineStage
    engine: CachedEngine
    showing: Showing
    again: tuple[Stage, ...]
    k: int
    name = "refine"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with refinements, where a checker was asked; what fails leaves the first answer."""
        found = list(traces)
        for n, trace in zip(*self._checked(traces), strict=True):
            found[n] = trace
        places = [n for n, trace in enumerate(found) if _suggested(trace, traces[n])]
        second = [_begun(found[n]) for n in places]
        for stage in self.again:
            second = run(stage, second)
        for n, after in zip(places, second, strict=True):
            found[n] = _stands(found[n], after)
        return [self._cut(trace) for trace in found]

    def needs(self) -> Sequence[Need]:
        """At most: the checker, the captions it reads, and all that the second go needs."""
        captions = Need(self.showing.captioner, self.stage.look)
        return [Need(self.engine, 1), captions, *(need for stage in self.again for need in stage.needs())]

    def _checked(self, traces: Sequence[Trace]) -> tuple[list[int], list[Trace]]:
        """(places, traces): what the checker says of the answers that are in doubt."""
        prompt = prompting.load(self.stage.prompt)
        doubted = [n for n, trace in enumerate(traces) if self._in_doubt(trace)]
        shown = self._captions([traces[n] for n in doubted])
        places = [n for n, candidates in zip(doubted, shown, strict=True) if candidates]
        requests = [
            Request(
                prompting.render(prompt, values_of(prompt, traces[n], self._told(candidates))),
                Sampling(max_tokens=TOKENS),
                prompt.schema,
            )
            for n, candidates in zip(doubted, shown, strict=True)
            if candidates
        ]
        replies = self.engine.generate(requests) if requests else []
        said = zip(places, requests, replies, strict=True)
        return places, [self._with(traces[n], prompt, asked, reply) for n, asked, reply in said]

    def _in_doubt(self, trace: Trace) -> bool:
        """Whether a checker is asked: about what the reasoner said here, and not a person before."""
        reasoned = any(exchange.stage == "reason" for exchange in trace.exchanges)
        if trace.refinement or not reasoned or not trace.ranking.hits:
            return False
        sure = confidence(trace)
        return self.stage.below is None or (sure is not None and sure <= self.stage.below)

    def _captions(self, traces: Sequence[Trace]) -> list[list[Candidate]]:
        """The first hits of each trace, those that have captions."""
        first = [trace.ranking.hits[: self.stage.look] for trace in traces]
        known = self.showing.captions([hit for hits in first for hit in hits]) if first else {}
        return [[known[hit.row] for hit in hits if hit.row in known] for hits in first]

    def _told(self, candidates: Sequence[Candidate]) -> str:
        """One caption as it is, several with their numbers."""
        return candidates[0].caption if self.stage.look == 1 else numbered(candidates)

    def _with(self, trace: Trace, prompt: Prompt, asked: Request, reply: Reply) -> Trace:
        exchange = Exchange("refine", self.engine.model, prompt.name, asked.messages, reply)
        exchange = replace(exchange, revision=self.engine.revision)
        trace = replace(trace, exchanges=(*trace.exchanges, exchange))
        try:
            said = suggestion(read_reply(prompt, reply).value)
        except ReplyError as problem:
            return trace.warned(f"the answer was not refined: the checker: {problem.message}")
        return replace(trace, refinement=Refinement(said, before=confidence(trace)))

    def _cut(self, trace: Trace) -> Trace:
        return replace(trace, ranking=Ranking(trace.ranking.hits[: self.k]))


def confidence(trace: Trace) -> float | None:
    """The judges' best confidence in a hit; None where none was judged."""
    return max((hit.judged for hit in trace.ranking.hits if hit.judged is not None), default=None)


def suggestion(value: Any) -> str:
    """What a checker's reply suggests, on one line; nothing where it finds the answer good."""
    said = value if isinstance(value, dict) else {"suggestion": value}
    return "" if said.get("good") is True else " ".join(str(said.get("suggestion", "")).split())


def _suggested(trace: Trace, before: Trace) -> bool:
    return trace is not before and bool(trace.refinement and trace.refinement.suggestion)


def _begun(trace: Trace) -> Trace:
    """The query with its captions, as it enters reason a second time."""
    return Trace(
        trace.query,
        trace.recipe,
        trace.profile,
        trace.description,
        scope=trace.scope,
        refinement=trace.refinement,
    )


def _stands(first: Trace, second: Trace) -> Trace:
    """The answer that stands, with all calls of both."""
    assert first.refinement is not None
    exchanges = (*first.exchanges, *second.exchanges)
    before, after = first.refinement.before, confidence(second)
    told = replace(first.refinement, after=after, other=second.intent.target_caption)
    kept = replace(first, exchanges=exchanges, refinement=told)
    if problem := second.error or second.intent.fallback:
        return kept.warned(f"the answer was not refined: {problem}")
    if before is not None and (after is None or after < before):
        return kept
    return replace(
        second,
        exchanges=exchanges,
        seconds=first.seconds,
        warnings=tuple(dict.fromkeys((*first.warnings, *second.warnings))),
        refinement=replace(told, stands=True, other=first.intent.target_caption),
    )
