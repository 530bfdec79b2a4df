"""One hundred real questions to a real LLM: what came back, and what a replay costs."""

from __future__ import annotations

import time
from dataclasses import dataclass

from likebut.pipeline import prompting
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.errors import ReplyError
from likebut.pipeline.prompting import Prompt
from likebut.pipeline.prompting.reply import read_reply
from likebut.pipeline.records.chat import Exchange, Sampling
from likebut.pipeline.stages.ask import ask as ask_reasoner
from tests.real.questions import questions

COUNT = 100
PROMPT = "reason/chain-of-thought"
SAMPLING = Sampling(max_tokens=320)


@dataclass(frozen=True)
class Outcome:
    """Of ``COUNT`` questions: first replies that fit the schema to the letter, and all the rest."""

    valid: int
    fallbacks: int
    lost: int
    calls: int
    reply_tokens: int
    seconds: float
    targets: tuple[str, ...]

    def line(self, where: str) -> str:
        """The figures for a person."""
        return (
            f"{where}: {self.valid} of {COUNT} first replies valid, {self.fallbacks} fallbacks, "
            f"{self.lost} lost, {self.calls} calls, {self.reply_tokens:,} tokens in "
            f"{self.seconds:.0f} s ({self.reply_tokens / max(self.seconds, 1e-9):.0f} tokens/s)"
        )


def ask(engine: CachedEngine) -> Outcome:
    """All questions by the chain-of-thought prompt, schema-constrained."""
    prompt = prompting.load(PROMPT)
    started = time.perf_counter()
    found = ask_reasoner(questions(COUNT), prompt, engine, SAMPLING)
    replies = [exchange.reply for _, exchanges in found for exchange in exchanges]
    made = [reply for reply in replies if not reply.cached]
    return Outcome(
        valid=sum(_fits(prompt, exchanges[0]) for _, exchanges in found),
        fallbacks=sum(bool(intent.fallback) for intent, _ in found),
        lost=sum(not intent.target_caption for intent, _ in found),
        calls=len(made),
        reply_tokens=sum(reply.reply_tokens for reply in made),
        seconds=time.perf_counter() - started,
        targets=tuple(intent.target_caption for intent, _ in found),
    )


def _fits(prompt: Prompt, exchange: Exchange) -> bool:
    """Whether a reply is whole and fits the schema as it stands."""
    try:
        return not read_reply(prompt, exchange.reply).repaired
    except ReplyError:
        return False
