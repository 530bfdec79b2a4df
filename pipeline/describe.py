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
from pipeline.records import Description, Exchange, Sampling

Described = tuple[Description, tuple[Exchange, ...]]


def describe(
    references: Sequence[Path],
    prompt: Prompt,
    engine: CachedEngine,
    sampling: Sampling,
    captions: int = 1,
) -> list[Described]:
    """A Description per reference, in order, with the model calls that made it.

    Several captions of one picture are sampled (temperature at least 0.7). A reply that is
    empty is left out, so a Description may have no caption at all.
    """
    if captions > 1:
        sampling = replace(sampling, temperature=max(sampling.temperature, 0.7))
    requests = [
        Request(prompting.render(prompt, {}, images=(path,)), sampling) for path in references
    ]
    rounds = [engine.generate(requests, repeat=number) for number in range(captions)]
    described = []
    for index, request in enumerate(requests):
        texts, exchanges = [], []
        for replies in rounds:
            reply = replies[index]
            exchanges.append(
                Exchange("describe", engine.model, prompt.name, request.messages, reply)
            )
            try:
                texts.append(str(prompting.parse_reply(prompt, reply.text)))
            except ReplyError:
                continue
        described.append((Description(tuple(texts)), tuple(exchanges)))
    return described
