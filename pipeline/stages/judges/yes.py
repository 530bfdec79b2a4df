"""Yes or no, about every candidate: p(Yes) / (p(Yes) + p(No)) of the next token (INQUIRE, WISER).

One forward pass a candidate and no word written. A judge that sees is shown the reference, where
there is one, and the candidate; another reads their captions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import prompting
from ...engines.contract import Request
from ...records.chat import Exchange, Reply, Sampling
from .contract import Candidate, Case, Judged, values_of

if TYPE_CHECKING:
    from ...asking.engine import CachedEngine
    from ...prompting import Prompt
    from ...records.trace import Trace

CHOICES = ("Yes", "No")


def judge(cases: Sequence[Case], prompt: Prompt, engine: CachedEngine) -> list[Judged]:
    """As `contract.Judge` says."""
    requests = [_request(trace, one, prompt) for trace, candidates in cases for one in candidates]
    replies = iter(zip(requests, engine.generate(requests), strict=True))
    judged = []
    for _, candidates in cases:
        confidence: dict[int, float] = {}
        exchanges = []
        for one in candidates:
            request, reply = next(replies)
            exchanges.append(
                Exchange(
                    "rerank", engine.model, prompt.name, request.messages, reply, False, engine.revision
                )
            )
            if (chance := confidence_of(reply)) is not None:
                confidence[one.row] = chance
        judged.append(Judged(confidence, tuple(exchanges)))
    return judged


def confidence_of(reply: Reply) -> float | None:
    """p(Yes) / (p(Yes) + p(No)); None where neither is known."""
    yes, no = (reply.chances.get(choice, 0.0) for choice in CHOICES)
    return yes / (yes + no) if yes + no > 0 else None


def _request(trace: Trace, one: Candidate, prompt: Prompt) -> Request:
    shown = [path for path in (trace.query.reference, one.picture) if path] if one.picture else []
    messages = prompting.render(prompt, values_of(prompt, trace, one.caption), images=shown)
    return Request(messages, Sampling(max_tokens=1), choices=CHOICES)
