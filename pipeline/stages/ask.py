"""Questions to the reasoner: it thinks about caption and modification and answers with an Intent.

An unusable reply is asked for again within a bound, at a higher temperature each time, and with a
word on what was wrong. After that the query falls back to "caption, modification", and its Intent
says so. A call that the engine could not get answered is not asked again here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import prompting
from ..asking.engine import CachedEngine
from ..engines.contract import Request
from ..errors import ReplyError
from ..prompting import Prompt
from ..prompting.reply import read_reply
from ..records.chat import Exchange, Message, Reply, Sampling
from ..records.trace import Intent, Said
from .intent import fallback, read_intent

WARMER, WARMEST = 0.3, 1.0


@dataclass(frozen=True)
class Question:
    """What is asked about one query: a caption of the reference, or the reference itself.

    In a second go with what a checker suggested, in a dialogue with the turns before it, oldest first, for
    prompts that take them.
    """

    caption: str
    modification: str
    images: tuple[Path, ...] = ()
    suggestion: str = ""
    history: tuple[Said, ...] = ()


@dataclass
class _Asked:
    question: Question
    messages: tuple[Message, ...]
    exchanges: list[Exchange] = field(default_factory=list)
    intent: Intent | None = None
    problem: str = ""


def ask(
    questions: Sequence[Question],
    prompt: Prompt,
    engine: CachedEngine,
    sampling: Sampling,
    retries: int = 2,
    *,
    sample: int = 0,
    samples: int = 1,
) -> list[tuple[Intent, tuple[Exchange, ...]]]:
    """An Intent per question, in order, with the model calls that made it.

    The attempts of sample number ``sample`` of ``samples`` share no repeat with those of another.
    """
    asked = [_Asked(question, _messages(question, prompt)) for question in questions]
    for attempt in range(retries + 1):
        waiting = [one for one in asked if one.intent is None]
        if not waiting:
            break
        setting = warmed(sampling, attempt)
        _round(waiting, prompt, engine, setting, repeat=sample + samples * attempt)
    return [(one.intent or _given_up(one, one.problem), tuple(one.exchanges)) for one in asked]


def _messages(question: Question, prompt: Prompt) -> tuple[Message, ...]:
    values = {"caption": question.caption, "modification": question.modification}
    if "suggestion" in prompt.variables:
        values["suggestion"] = question.suggestion
    if "history" in prompt.variables:
        values["history"] = told(question.history)
    return prompting.render(prompt, values, images=question.images)


def told(history: Sequence[Said]) -> str:
    """The sentences of a dialogue with what was understood of each, a line each; "none" without."""
    return (
        "\n".join(
            f"{n}. {said.modification}" + (f" → {said.target_caption}" if said.target_caption else "")
            for n, said in enumerate(history, 1)
        )
        or "none"
    )


def _given_up(one: _Asked, why: str) -> Intent:
    return fallback(one.question.caption, one.question.modification, why)


def warmed(sampling: Sampling, attempt: int) -> Sampling:
    """The sampling of an attempt (from 0): each is WARMER than the one before, to WARMEST at most.

    What a greedy model got wrong it would get wrong again.
    """
    if not attempt:
        return sampling
    warm = min(sampling.temperature + WARMER * attempt, max(WARMEST, sampling.temperature))
    return replace(sampling, temperature=round(warm, 6))


def _round(
    asked: Sequence[_Asked], prompt: Prompt, engine: CachedEngine, sampling: Sampling, repeat: int
) -> None:
    requests = [Request(one.messages, sampling, prompt.schema) for one in asked]
    for one, reply in zip(asked, engine.generate(requests, repeat=repeat), strict=True):
        exchange = Exchange(
            "reason", engine.model, prompt.name, one.messages, reply, revision=engine.revision
        )
        try:
            reading = read_reply(prompt, reply)
            one.intent = read_intent(reading.value)
            exchange = replace(exchange, repaired=reading.repaired)
        except ReplyError as problem:
            one.problem = problem.message
            if reply.error or reply.finish == "content_filter":  # asking again changes nothing
                one.intent = _given_up(one, problem.message)
            elif reply.finish == "stop" and reply.text.strip():
                # A reply that was cut may run on, and an empty turn is refused: they are not shown.
                one.messages = (*one.messages, *_correction(reply, problem))
        one.exchanges.append(exchange)


def _correction(reply: Reply, problem: ReplyError) -> tuple[Message, ...]:
    advice = f"That reply cannot be used: {problem.message}. Answer with the JSON object alone."
    return (Message("assistant", reply.text), Message("user", advice))
