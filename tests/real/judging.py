"""Yes/no questions about candidates to a real LLM, put in one way to every engine.

All compute in float32: in bfloat16 confidences of equal models differ by up to 0.05.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from likebut.pipeline import prompting
from likebut.pipeline.engines.contract import Request
from likebut.pipeline.records.chat import Reply, Sampling
from likebut.pipeline.stages.judges.yes import CHOICES, confidence_of
from tests.real.questions import questions

COUNT = int(os.environ.get("LIKEBUT_JUDGED", "20"))  # 100 take a quarter of an hour
CLOSE = 1e-2  # of a confidence: what engines that compute in their own order may differ by


def verdicts() -> list[Request]:
    """Whether the caption of one query is what another asks for; the same questions every time."""
    prompt = prompting.load("judge/yes")
    asked = questions(COUNT)
    pairs = zip(asked, [*asked[1:], asked[0]], strict=True)
    return [
        Request(
            prompting.render(
                prompt,
                {
                    "caption": one.caption,
                    "modification": one.modification,
                    "target_caption": f"{one.caption}, {one.modification}",
                    "candidate": one.caption if number % 2 else other.caption,
                },
            ),
            Sampling(max_tokens=1),
            choices=CHOICES,
        )
        for number, (one, other) in enumerate(pairs)
    ]


def furthest(replies: Sequence[Reply], others: Sequence[Reply]) -> float:
    """The largest difference of two engines' confidences about one candidate."""
    return max(
        abs((confidence_of(one) or 0.0) - (confidence_of(other) or 0.0))
        for one, other in zip(replies, others, strict=True)
    )
