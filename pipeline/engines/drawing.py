"""Sampling that depends on the request alone, never on the other requests of its batch.

The Gumbel-max trick (Gumbel 1954; Maddison et al., "A* Sampling", 2014, eq. 2):
argmax(logits / T + G) with independent standard Gumbel noise G is a draw from softmax(logits / T).
Every row of a batch has a generator of its own, so greedy rows and sampled rows share a batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from .contract import Request


def make_noise(requests: Sequence[Request]) -> list[Any]:
    """Logits processors for one batch: none where every request is greedy."""
    if all(request.sampling.temperature <= 0 for request in requests):
        return []
    from transformers import LogitsProcessorList

    return LogitsProcessorList([_gumbel(requests)])  # type: ignore[no-any-return]


def _gumbel(requests: Sequence[Request]) -> Any:
    """A callable (ids, scores (rows, vocabulary)) → scores with each sampled row's noise added."""
    import torch

    temperatures = [max(0.0, request.sampling.temperature) for request in requests]
    generators = [torch.Generator().manual_seed(_seed(request)) for request in requests]

    def add_noise(_ids: Any, scores: Any) -> Any:
        noisy = scores.float().clone()
        for row, (temperature, generator) in enumerate(zip(temperatures, generators, strict=True)):
            if temperature > 0:
                draws = torch.empty(scores.shape[1]).exponential_(generator=generator)
                noisy[row] -= temperature * draws.clamp_min(1e-30).log().to(scores.device)
        return noisy

    return add_noise


def _seed(request: Request) -> int:
    """63 bits from the seed and the words, so that two prompts share no noise."""
    words = [f"{message.role}\n{message.text}" for message in request.messages]
    names = [image.name for message in request.messages for image in message.images]
    text = "\0".join([str(request.sampling.seed), *words, *names])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big") >> 1
