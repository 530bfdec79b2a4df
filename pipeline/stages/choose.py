"""Several samples of one answer made one: by vote, by the mean of vectors, or by agreement.

Vote and mean are self-consistency (Wang et al., "Self-Consistency Improves Chain of Thought
Reasoning in Language Models", ICLR 2023): what most chains of thought end with is most often
right. Their answers are numbers, which are equal or not; a target caption may be said in many ways,
so a tie goes to the caption nearest to all others, and the mean needs no equal ones at all.

Best of n keeps the sample that CLIP rewards most, as RLCF does (Zhao et al., "Test-Time Adaptation
with CLIP Reward for Zero-Shot Generalization in Vision-Language Models", ICLR 2024). Its reward is
the cosine of caption and picture. A target caption must not be rewarded for what the reference
shows alone, which would favour one that changes nothing, so the sentence has its say; the sum is ours:

    agreement(s) = t(s)·v(reference) + t(s)·t(modification)

It is the cosine with the fused vector v(reference) + t(modification), but for the length of that, and
RLCF's baseline, the mean reward of the samples, is one number for all: neither changes which is best.

No choice depends on the order of the samples, but "first".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..asking.encoder import CachedEncoder
from ..asking.engine import CachedEngine
from ..config.parts import ReasonStage
from ..prompting import Prompt
from ..records.chat import Exchange, Sampling
from ..records.trace import Intent
from .ask import Question, ask

if TYPE_CHECKING:
    from numpy.typing import NDArray

Vectors = Mapping[str, Any]
# What a sample should be near: the (d,) unit vectors of the reference and of the sentence.
Sides = Sequence["NDArray[Any]"]
# Samples at temperature 0 would be one answer n times; describe samples its captions no colder.
LUKEWARM = 0.7
# Of a cosine: what differs less is equal, on whatever machine it is computed.
DIGITS = 5


def sampling_of(stage: ReasonStage, sampling: Sampling) -> Sampling:
    """The profile's sampling as the stage wants it: all its samples at one temperature."""
    if stage.temperature is not None:
        return replace(sampling, temperature=stage.temperature)
    if stage.samples > 1:
        return replace(sampling, temperature=max(sampling.temperature, LUKEWARM))
    return sampling


def consult(
    questions: Sequence[Question],
    prompt: Prompt,
    engine: CachedEngine,
    sampling: Sampling,
    stage: ReasonStage,
) -> list[tuple[tuple[Intent, ...], tuple[Exchange, ...]]]:
    """All samples of every question, in order, with all the model calls that made them.

    Sample i is repeat i of its question, so each is cached by itself: more samples later ask only
    for the new ones. Each is asked again as often as the stage allows, and may fall back.
    """
    warm = sampling_of(stage, sampling)
    rounds = [
        ask(questions, prompt, engine, warm, stage.retries, sample=number, samples=stage.samples)
        for number in range(stage.samples)
    ]
    return [
        (
            tuple(intent for intent, _ in answers),
            tuple(exchange for _, exchanges in answers for exchange in exchanges),
        )
        for answers in zip(*rounds, strict=True)
    ]


def agreed(
    groups: Sequence[Sequence[Intent]], choose: str, encoder: CachedEncoder, sides: Sequence[Sides] = ()
) -> list[Intent]:
    """One Intent per group of samples; a fallback has no say unless there is nothing else.

    ``choose``: "first", "vote", "mean" or "best", which needs Sides per group. The encoder is asked
    only where captions are compared.
    """
    heard = [[one for one in group if not one.fallback] or [group[0]] for group in groups]
    wanted: dict[str, None] = {}
    for samples in heard:
        captions = [one.target_caption for one in samples if one.target_caption]
        if len(samples) > 1 and (choose == "best" or (choose != "first" and _tied(captions))):
            wanted |= dict.fromkeys(captions)
    texts = list(wanted)
    found = encoder.texts_with_counts(texts) if texts else []
    vectors = {text: vector for text, (vector, _) in zip(texts, found, strict=True)}
    return [
        _one(samples, choose, vectors, sides[number] if choose == "best" else ())
        for number, samples in enumerate(heard)
    ]


def _one(samples: Sequence[Intent], choose: str, vectors: Vectors, sides: Sides) -> Intent:
    if len(samples) == 1 or choose == "first":
        return samples[0]
    if choose == "best":
        return best(samples, vectors, sides)
    whole = vote(samples, vectors)
    if choose == "mean":
        return replace(whole, samples=tuple(sorted(s.target_caption for s in samples if s.target_caption)))
    return whole


def vote(samples: Sequence[Intent], vectors: Vectors) -> Intent:
    """The most frequent target caption, and the elements that more than half of the samples name.

    Case and spaces make no difference. Captions that are equally frequent are decided by the mean
    cosine with all captions (their ``vectors``), and at last by the alphabet. The reasoning is that
    of a sample with the chosen caption.
    """
    target = _spoken([one.target_caption for one in samples if one.target_caption], vectors)
    speakers = [one for one in samples if _key(one.target_caption) == _key(target)]
    names = sorted({name for one in samples for name in one.elements})
    return Intent(
        target,
        min(one.reasoning for one in speakers),
        {name: kept for name in names if (kept := _majority([one.of(name) for one in samples]))},
    )


def best(samples: Sequence[Intent], vectors: Vectors, sides: Sides) -> Intent:
    """The sample whose target caption agrees most with all sides, as it is.

    Where no sample has a target caption there is nothing to compare, and they vote.
    """
    captioned = [one for one in samples if one.target_caption]
    if not captioned:
        return vote(samples, vectors)

    def rank(one: Intent) -> tuple[float, str, str]:
        agreement = sum(float(vectors[one.target_caption] @ side) for side in sides)
        return -round(agreement, DIGITS), one.target_caption, repr(one)

    return min(captioned, key=rank)


def _key(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def _tied(captions: Sequence[str]) -> bool:
    """Whether the most frequent caption is not the only one of its frequency."""
    counts = [count for _, count in Counter(map(_key, captions)).most_common(2)]
    return len(counts) == 2 and counts[0] == counts[1]


def _spoken(captions: Sequence[str], vectors: Vectors) -> str:
    """The caption that the samples agree on, in its most frequent spelling; empty without any."""
    import numpy as np

    if not captions:
        return ""
    if not _tied(captions):
        return _spelling(captions, Counter(map(_key, captions)).most_common(1)[0][0])
    counts = Counter(map(_key, captions))
    first = [_spelling(captions, key) for key, count in counts.items() if count == max(counts.values())]
    middle = np.mean([vectors[caption] for caption in sorted(captions)], axis=0)
    return min(first, key=lambda text: (-round(float(vectors[text] @ middle), DIGITS), text))


def _spelling(texts: Sequence[str], key: str) -> str:
    """The most frequent of the texts that differ from ``key`` in case and spaces alone."""
    spellings = Counter(text for text in texts if _key(text) == key)
    return min(spellings, key=lambda text: (-spellings[text], text))


def _majority(lists: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Elements of more than half of the lists: the most named first, then by their usual place."""
    places: dict[str, list[int]] = {}
    for elements in lists:
        for place, key in enumerate(dict.fromkeys(map(_key, elements))):
            places.setdefault(key, []).append(place)
    texts = [text for elements in lists for text in elements]
    kept = [key for key, found in places.items() if 2 * len(found) > len(lists)]
    kept.sort(key=lambda key: (-len(places[key]), sum(places[key]) / len(places[key]), key))
    return tuple(_spelling(texts, key) for key in kept)
