"""The describe stage: the captioner writes one or several captions of each reference image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline import prompting
from pipeline.cached import CachedEngine
from pipeline.engines.contract import Request
from pipeline.errors import ReplyError
from pipeline.prompting import Prompt
from pipeline.records import Description, Exchange, Reply, Sampling

Described = tuple[Description, tuple[Exchange, ...]]


def describe(
    references: Sequence[Path],
    prompt: Prompt,
    engine: CachedEngine,
    sampling: Sampling,
    captions: int = 1,
    modifications: Sequence[str] = (),
) -> list[Described]:
    """A Description per reference, in order, with the model calls that made it.

    A prompt with the variable ``modification`` is given that of its reference, so that the caption
    may tell what the sentence is about. Raises ConfigError where there is none to give.

    Several captions of one picture are sampled (temperature at least 0.7). A reply that is empty,
    cut at its token limit or filtered is left out, so a Description may have no caption at all.
    Where a call failed, the Description has no caption and says why: fewer captions than were
    asked for would be another method's.
    """
    if captions > 1:
        sampling = replace(sampling, temperature=max(sampling.temperature, 0.7))
    sentences = modifications or [""] * len(references)
    requests = [
        Request(prompting.render(prompt, _values(prompt, sentence), images=(path,)), sampling)
        for path, sentence in zip(references, sentences, strict=True)
    ]
    rounds = [engine.generate(requests, repeat=number) for number in range(captions)]
    described = []
    for index, request in enumerate(requests):
        replies = [replies[index] for replies in rounds]
        exchanges = tuple(
            Exchange(
                "describe",
                engine.model,
                prompt.name,
                request.messages,
                reply,
                revision=engine.revision,
            )
            for reply in replies
        )
        described.append((_description(prompt, replies), exchanges))
    return described


def _values(prompt: Prompt, modification: str) -> dict[str, str]:
    """What a prompt that asks for it is given."""
    asked = "modification" in prompt.variables and modification
    return {"modification": modification} if asked else {}


def _description(prompt: Prompt, replies: Sequence[Reply]) -> Description:
    """The usable captions, or why there are none."""
    errors = [reply.error for reply in replies if reply.error]
    if errors:
        return Description(problem=f"the captioner gave no answer: {errors[0]}")
    texts, problem = [], ""
    for reply in replies:
        try:
            texts.append(str(prompting.read_reply(prompt, reply).value))
        except ReplyError as unusable:
            if reply.finish != "stop":
                problem = f"the caption cannot be used: {unusable.message}"
    return Description(tuple(texts), "" if texts else problem)
