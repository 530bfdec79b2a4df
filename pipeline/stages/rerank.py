"""The rerank stage: a judge looks at the first hits once more, and what it says moves them.

Only the shortlist is judged, and of a benchmark's small subsets all members. Nothing below the shortlist
passes it, and a hit that the judge has no answer about stays in its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .. import prompting
from ..asking.engine import CachedEngine
from ..config.parts import RerankStage
from ..config.recipe import Recipe
from ..records.trace import Hit, Judgement, Ranking, Trace
from .contract import Need
from .judges import JUDGES, make_judge
from .judges.contract import Case, Judged
from .showing import Showing

SMALL = 100  # hits: a subset of no more is judged whole (INQUIRE's), a larger one (i-CIR's) as a ranking is
SUREST = 1e-3  # a confidence counts as this far from 0 and 1 at least: its logit stays finite
_APART = 1e-6


@dataclass(frozen=True)
class Rerank:
    """The ``k`` best of every trace's ranking, after a judge of the recipe has looked at its first hits.

    It is the recipe's judge of this ``number``, from 0. One that does not see (``sees``) reads captions.
    """

    recipe: Recipe
    number: int
    engine: CachedEngine
    sees: bool
    showing: Showing
    k: int
    name = "rerank"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with judged rankings."""
        found = list(traces)
        places = [n for n, trace in enumerate(traces) if len(trace.judgements) <= self.number]
        lists = {n: self._lists(traces[n]) for n in places}
        asked = [(n, hits) for n, several in lists.items() for hits in several]
        every = [hit for _, hits in asked for hit in hits]
        show = self.showing
        candidates = show.pictures(every) if self.sees else show.captions(every, self.stage.sentences)
        cases = [
            Case(traces[n], [candidates[hit.row] for hit in hits if hit.row in candidates])
            for n, hits in asked
        ]
        prompt = prompting.load(self.prompt)
        judged = iter(make_judge(self.stage.judge)(cases, prompt, self.engine) if cases else [])
        for n, several in lists.items():
            found[n] = self._moved(traces[n], several, [next(judged) for _ in several])
        return found

    @property
    def stage(self) -> RerankStage:
        """What the recipe says of this judge."""
        return self.recipe.rerank[self.number]

    def needs(self) -> Sequence[Need]:
        """The judge, once a candidate or as often as its kind says, and the captioner of its captions."""
        needs = [Need(self.engine, JUDGES[self.stage.judge].calls(self.stage.top))]
        return needs if self.sees else [*needs, Need(self.showing.captioner, self.stage.top)]

    @property
    def prompt(self) -> str:
        """The recipe's, or the judge's usual one."""
        kind = JUDGES[self.stage.judge]
        return self.stage.prompt or (kind.seeing if self.sees else kind.prompt)

    def _lists(self, trace: Trace) -> list[list[Hit]]:
        """What is judged: the first hits and those of the subset, each once, or, where a judge gives an
        order, each list for itself."""
        first = trace.ranking.hits[: self.stage.top]
        inside = trace.subset.hits[: self._depth(trace)]
        if JUDGES[self.stage.judge].relative:
            return [list(first), *([list(inside)] if inside else [])]
        return [list({hit.row: hit for hit in (*first, *inside)}.values())]

    def _depth(self, trace: Trace) -> int:
        """How many of the subset's first hits are judged."""
        members = len(trace.subset.hits)
        return members if members <= SMALL else self.stage.top

    def _moved(self, trace: Trace, lists: Sequence[Sequence[Hit]], judged: Sequence[Judged]) -> Trace:
        ranking = reranked(trace.ranking.hits, judged[0].confidence, self.stage)
        whole = self.stage.model_copy(update={"top": max(1, self._depth(trace))})
        asked = {hit.row for hits in lists for hit in hits}
        failed = len(asked.difference(*(one.confidence for one in judged)))
        trace = replace(
            trace,
            ranking=Ranking(ranking[: self.k]),
            subset=Ranking(reranked(trace.subset.hits, judged[-1].confidence, whole)),
            exchanges=(*trace.exchanges, *(told for one in judged for told in one.exchanges)),
            judgements=(*trace.judgements, Judgement(self.stage.judge, len(asked), failed)),
        )
        if failed:
            trace = trace.warned(f"the judge had no answer about {failed} of {len(asked)} hits")
        return trace


def reranked(hits: Sequence[Hit], confidence: Mapping[int, float], stage: RerankStage) -> tuple[Hit, ...]:
    """The hits in their new order, with ranks, scores that fall with it, and shares that still add up."""
    short, below = list(hits[: stage.top]), hits[stage.top :]
    fused = _fused(short, confidence, stage)
    order = iter(sorted((hit for hit in short if hit.row in fused), key=lambda h: (-fused[h.row], h.rank)))
    moved = [next(order) if hit.row in fused else hit for hit in short]
    found: list[Hit] = []
    for hit in moved:
        last = found[-1].score if found else math.inf
        score = fused.get(hit.row, min(hit.score, last))
        found.append(_scored(hit, "judge", min(score, last), confidence.get(hit.row)))
    drop = min(0.0, found[-1].score - below[0].score - _APART) if found and below else 0.0
    found += [_scored(hit, "below the shortlist", hit.score + drop, None) for hit in below]
    return tuple(
        replace(hit, rank=rank, before=hit.before or hit.rank) for rank, hit in enumerate(found, 1)
    )


def _fused(hits: Sequence[Hit], confidence: Mapping[int, float], stage: RerankStage) -> dict[int, float]:
    """Row → its score with the judge's confidence c, by the recipe's fusion.

    logit: S + w·σ·logit(c), with σ the spread of the shortlist's scores; add: S + w·c; multiply: S·c;
    replace: c.
    """
    asked = [hit for hit in hits if hit.row in confidence]
    if stage.fusion == "replace":
        return {hit.row: confidence[hit.row] for hit in asked}
    if stage.fusion == "multiply":
        return {hit.row: hit.score * confidence[hit.row] for hit in asked}
    if stage.fusion == "add":
        return {hit.row: hit.score + stage.weight * confidence[hit.row] for hit in asked}
    mean = sum(hit.score for hit in hits) / max(1, len(hits))
    spread = math.sqrt(sum((hit.score - mean) ** 2 for hit in hits) / max(1, len(hits))) or 1.0
    sure = {hit.row: min(1 - SUREST, max(SUREST, confidence[hit.row])) for hit in asked}
    return {
        hit.row: hit.score + stage.weight * spread * math.log(sure[hit.row] / (1 - sure[hit.row]))
        for hit in asked
    }


def _scored(hit: Hit, share: str, score: float, judged: float | None) -> Hit:
    added = score - hit.score
    if not added and judged is None:
        return hit
    shares = {**hit.shares, share: hit.shares.get(share, 0.0) + added}
    return replace(hit, score=score, shares=shares, judged=hit.judged if judged is None else judged)
