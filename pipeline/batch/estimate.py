"""What answering will take before the first call: calls, tokens, dollars, time, by stage and model.

The stages themselves are run, with engines that look into the cache and give a stand-in where an
answer is missing. So a question is counted exactly where all it depends on is known; behind a
missing caption stands another prompt of the same kind. Where two missing captions will turn out the
same, or a reply unusable, the number of calls will differ from the estimate.

Prompt tokens are those of `tokens.guess`, times the ratio that this model's own counts have had to
its guesses (with and without pictures apart; the cache remembers it). Reply tokens and seconds are
the means of the answers to questions of the same stage, else of the model, that are in the cache;
without any, a reply takes SHARE of its max_tokens, and the time is not known. "At most" is what it
costs if every reply is as long as max_tokens and every retry is needed. What is asked about hits
(rerank, refine) is counted as `looks` says: never too little.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...indexes.errors import Problem
from ..asking.dry import SHARE, AskedBefore, Call, DryEngine
from ..engines import kind_of
from ..engines.server import Server
from ..records.chat import Price, Reply
from ..records.trace import Query, Trace
from ..stages.composer import Composer
from ..stages.describe import describe
from ..stages.running import run
from .looks import ABOUT_HITS, Looks, can_refine

CHUNK = 256
_ADVICE = 40  # tokens that ask for a better reply
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Row:
    """One stage on one model: ``queries`` need ``calls``, ``cached`` of them answered already.

    What is asked about hits is ``bounded``: so many calls at most, fewer as a rule. Tokens, dollars and
    seconds are those of the calls to be made; None is not known.
    """

    stage: str
    model: str
    queries: int
    calls: int
    cached: int
    prompt_tokens: int
    reply_tokens: int
    cost: float | None
    seconds: float | None
    most_calls: int
    most_tokens: int
    most_cost: float | None

    @property
    def bounded(self) -> bool:
        """Whether the calls are the most there can be, and not those there will be."""
        return self.stage in ABOUT_HITS

    @property
    def to_make(self) -> int:
        """Calls to be made."""
        return self.calls - self.cached


@dataclass(frozen=True)
class Estimate:
    """The rows of an estimate, and (query id, reason) of what cannot be asked at all."""

    rows: tuple[Row, ...]
    failing: tuple[Problem, ...] = ()


def estimate(
    composer: Composer,
    queries: Sequence[Query | Trace],
    *,
    gallery: Sequence[Path] = (),
    pictures: int | None = None,
    asked: AskedBefore | None = None,
    on_progress: OnProgress | None = None,
) -> Estimate:
    """What it takes to answer ``queries`` by this composer, which needs no index.

    Pictures of the ``gallery`` are to be captioned first; of the gallery that is searched ``pictures``
    may be when they are found, None where nobody knows how many. ``asked`` is handed from one estimate
    to the next where one command does all of them. No model is asked, loaded or fetched. Raises
    ConfigError as the stages do.
    """
    work = _Work(composer, asked or AskedBefore(), 0 if gallery else pictures)
    if gallery:
        work.caption(gallery)
    for start in range(0, len(queries), CHUNK):
        work.take(queries[start : start + CHUNK])
        if on_progress:
            on_progress(min(start + CHUNK, len(queries)), len(queries))
    return work.result()


class _Work:
    """An estimate in the making."""

    def __init__(self, composer: Composer, asked: AskedBefore, pictures: int | None) -> None:
        self.captioner = DryEngine(composer.captioner, asked)
        self.reasoner = DryEngine(composer.reasoner, asked)
        self.judge = DryEngine(composer.judge or composer.reasoner, asked)
        # What is made of several samples changes no question, and would take an encoder.
        stages = [stage.model_copy(update={"choose": "first"}) for stage in composer.recipe.reason]
        described = composer.recipe.describe
        self.composer = replace(
            composer,
            captioner=self.captioner,
            reasoner=self.reasoner,
            keeps=False,
            recipe=composer.recipe.model_copy(
                update={"reason": stages, "describe": described if described and described.asks else None}
            ),
        )
        self.looks = Looks(self.composer, self.captioner, self.reasoner, self.judge, pictures)
        self.calls: dict[tuple[str, DryEngine], list[Call]] = {}
        self.queries: dict[str, int] = {}
        self.failing: list[Problem] = []

    def take(self, queries: Sequence[Query | Trace]) -> None:
        """Run the stages that ask models."""
        traces = self.composer.begun(queries)
        for stage in self.composer.stages("reason"):
            traces = run(stage, traces)
            self._file(stage.name)
        self._look(traces)
        for trace in traces:
            if trace.error:
                self.failing.append(Problem(trace.query.id, trace.error))
            for name in {exchange.stage for exchange in trace.exchanges}:
                self.queries[name] = self.queries.get(name, 0) + 1

    def _look(self, traces: Sequence[Trace]) -> None:
        """Count what may be asked about hits."""
        alive = [trace for trace in traces if not trace.error]
        looked: dict[str, int] = {}
        for stage, engine, calls in self.looks.of(alive):
            self.calls.setdefault((stage, engine), []).extend(calls)
            looked[stage] = len(alive if stage == "rerank" else list(filter(can_refine, alive)))
        for stage, count in looked.items():
            self.queries[stage] = self.queries.get(stage, 0) + count

    def caption(self, gallery: Sequence[Path]) -> None:
        """Describe pictures as `captioning` does."""
        from .captioning import captioner_of

        how = captioner_of(self.composer)
        describe(gallery, how.template, self.captioner, how.sampling, how.captions)
        self._file("caption gallery")
        self.queries["caption gallery"] = len(gallery)

    def _file(self, stage: str) -> None:
        for engine in (self.captioner, self.reasoner):
            if fresh := engine.take():
                self.calls.setdefault((stage, engine), []).extend(fresh)

    def result(self) -> Estimate:
        """The rows, in the order of the stages."""
        recipe = self.composer.recipe
        retries = max((stage.retries for stage in (*recipe.reason, *recipe.refined.reason)), default=0)
        rows = tuple(
            _row(
                stage, engine, calls, self.queries.get(stage, 0), retries if engine is self.reasoner else 0
            )
            for (stage, engine), calls in self.calls.items()
        )
        self.captioner.close()
        self.reasoner.close()
        return Estimate(rows, tuple(self.failing))


def _row(stage: str, engine: DryEngine, calls: Sequence[Call], queries: int, retries: int) -> Row:
    there = [call for call in calls if call.reply is not None]
    missing = [call for call in calls if call.reply is None]
    prompt_tokens = sum(call.prompt_tokens for call in missing)
    length, seconds = _means(engine, [call.reply for call in there if call.reply])
    reply_tokens = sum(min(c.max_tokens, length or SHARE * c.max_tokens) for c in missing)
    most_prompt, most_reply = _most(missing, retries)
    price = engine.account.price if engine.account else None
    return Row(
        stage,
        engine.model,
        queries,
        len(calls),
        len(there),
        round(prompt_tokens),
        round(reply_tokens),
        _cost(price, len(missing), prompt_tokens, reply_tokens),
        _seconds(engine, len(missing), seconds),
        len(missing) * (retries + 1),
        round(most_prompt + most_reply),
        _cost(price, len(missing), most_prompt, most_reply),
    )


def _most(missing: Sequence[Call], retries: int) -> tuple[float, float]:
    """(prompt, reply) tokens where every reply is as long as it may be, and the last retry is needed.

    Each attempt reads the replies of those before it, and what was wrong with them.
    """
    prompt = reply = 0.0
    for call in missing:
        again = (call.max_tokens + _ADVICE) * retries * (retries + 1) / 2
        prompt += call.prompt_tokens * (retries + 1) + again
        reply += call.max_tokens * (retries + 1)
    return prompt, reply


def _means(engine: DryEngine, replies: Sequence[Reply]) -> tuple[float | None, float | None]:
    """(reply tokens, seconds) of these replies, else of the model; None where nothing is known."""
    whole = [reply for reply in replies if reply.reply_tokens]
    if not whole:
        length, seconds = engine.typical or (0.0, 0.0)
        return length or None, seconds or None
    count = len(whole)
    mean = sum(reply.seconds for reply in whole) / count
    return sum(reply.reply_tokens for reply in whole) / count, mean or None


def _cost(price: Price | None, calls: int, prompt: float, reply: float) -> float | None:
    if not calls:
        return 0.0
    return price.of(prompt, reply) if price else None


def _seconds(engine: DryEngine, calls: int, each: float | None) -> float | None:
    """Seconds for so many calls, side by side where a server does that."""
    if not calls:
        return 0.0
    if each is None:
        return None
    served = kind_of(engine.spec.engine).weights == "server"
    return calls * each / (Server.of(engine.spec.options).concurrency if served else 1)
