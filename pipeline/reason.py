"""The reason stage: the LLM thinks about caption and modification and answers with an Intent.

An unusable reply is asked for again within a bound, at a higher temperature each time, and with a
word on what was wrong. After that the query falls back to "caption, modification", and its Intent
says so. A call that the engine could not get answered is not asked again here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline import prompting
from pipeline.cached import CachedEngine
from pipeline.engines.contract import Request
from pipeline.errors import ReplyError
from pipeline.prompting import Prompt
from pipeline.records import Exchange, Intent, Message, Reply, Sampling

WARMER, WARMEST = 0.3, 1.0


@dataclass(frozen=True)
class Question:
    """What is asked about one query: a caption of the reference, or the reference itself."""

    caption: str
    modification: str
    images: tuple[Path, ...] = ()


@dataclass
class _Case:
    question: Question
    messages: tuple[Message, ...]
    exchanges: list[Exchange] = field(default_factory=list)
    intent: Intent | None = None
    problem: str = ""


def fallback(caption: str, modification: str, why: str) -> Intent:
    """The Intent of a query whose reply could not be used."""
    parts = [part for part in (caption, modification) if part]
    return Intent(target_caption=", ".join(parts), fallback=why)


def reason(
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
    cases = [_Case(question, _messages(question, prompt)) for question in questions]
    for attempt in range(retries + 1):
        waiting = [case for case in cases if case.intent is None]
        if not waiting:
            break
        setting = warmed(sampling, attempt)
        _ask(waiting, prompt, engine, setting, repeat=sample + samples * attempt)
    return [(case.intent or _given_up(case, case.problem), tuple(case.exchanges)) for case in cases]


def _messages(question: Question, prompt: Prompt) -> tuple[Message, ...]:
    values = {"caption": question.caption, "modification": question.modification}
    return prompting.render(prompt, values, images=question.images)


def _given_up(case: _Case, why: str) -> Intent:
    return fallback(case.question.caption, case.question.modification, why)


def merged(intents: Sequence[Intent]) -> Intent:
    """One Intent of several questions about one query.

    The first target caption that is no fallback counts, else the first of all. Where several questions
    have one, all of them are rewrites, with those that a reply holds itself. Other lists are joined,
    each element once. A fallback of any question is a fallback of the whole.
    """
    told = [intent for intent in intents if intent.target_caption]
    told = [intent for intent in told if not intent.fallback] or told
    first = told[0] if told else intents[0]
    lists: dict[str, Any] = {
        name: tuple(dict.fromkeys(text for i in intents for text in getattr(i, name)))
        for name in ("desired", "preserved", "forbidden")
    }
    return replace(
        first,
        reasoning="\n".join(dict.fromkeys(i.reasoning for i in intents if i.reasoning)),
        rewrites=_rewrites(told),
        fallback="; ".join(dict.fromkeys(i.fallback for i in intents if i.fallback)),
        **lists,
    )


def _rewrites(told: Sequence[Intent]) -> tuple[str, ...]:
    """What one question holds of them, or what several say: each text once, in order."""
    if len(told) == 1:
        return told[0].rewrites
    texts = (text for intent in told for text in (intent.rewrites or (intent.target_caption,)))
    return tuple(dict.fromkeys(texts))


def warmed(sampling: Sampling, attempt: int) -> Sampling:
    """The sampling of an attempt (from 0): each is WARMER than the one before, to WARMEST at most.

    What a greedy model got wrong it would get wrong again.
    """
    if not attempt:
        return sampling
    warm = min(sampling.temperature + WARMER * attempt, max(WARMEST, sampling.temperature))
    return replace(sampling, temperature=round(warm, 6))


def _ask(
    cases: Sequence[_Case], prompt: Prompt, engine: CachedEngine, sampling: Sampling, repeat: int
) -> None:
    requests = [Request(case.messages, sampling, prompt.schema) for case in cases]
    for case, reply in zip(cases, engine.generate(requests, repeat=repeat), strict=True):
        exchange = Exchange(
            "reason", engine.model, prompt.name, case.messages, reply, revision=engine.revision
        )
        try:
            reading = prompting.read_reply(prompt, reply)
            case.intent = _intent(reading.value)
            exchange = replace(exchange, repaired=reading.repaired)
        except ReplyError as problem:
            case.problem = problem.message
            if reply.error or reply.finish == "content_filter":  # asking again changes nothing
                case.intent = _given_up(case, problem.message)
            elif reply.finish == "stop" and reply.text.strip():
                # A reply that was cut may run on, and an empty turn is refused: they are not shown.
                case.messages = (*case.messages, *_correction(reply, problem))
        case.exchanges.append(exchange)


def _correction(reply: Reply, problem: ReplyError) -> tuple[Message, ...]:
    advice = f"That reply cannot be used: {problem.message}. Answer with the JSON object alone."
    return (Message("assistant", reply.text), Message("user", advice))


def _intent(value: Mapping[str, Any] | str) -> Intent:
    if isinstance(value, str):
        return Intent(target_caption=value)
    target = " ".join(_texts([value.get("target_caption")]))
    rewrites = _texts(value.get("rewrites"))
    if rewrites:  # several readings of one query: the likeliest comes first
        rewrites = tuple(dict.fromkeys((target, *rewrites) if target else rewrites))
    desired, preserved, forbidden = (
        _texts(value.get(name)) for name in ("desired", "preserved", "forbidden")
    )
    why = str(value.get("reasoning", ""))
    return Intent(target or "".join(rewrites[:1]), why, desired, preserved, forbidden, rewrites)


def _texts(value: Any) -> tuple[str, ...]:
    """The texts of a list on one line each; a field that its schema says nothing of may be anything."""
    given = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    texts = (" ".join(text.split()) for text in given if isinstance(text, str))
    return tuple(text for text in texts if text)
