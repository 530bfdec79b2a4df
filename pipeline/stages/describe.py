"""The describe stage: the captioner writes one or several captions of each reference image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import prompting
from ..asking.engine import CachedEngine
from ..config.recipe import Recipe
from ..engines.contract import Request
from ..errors import ReplyError
from ..prompting import Prompt
from ..prompting.reply import read_reply
from ..records.chat import Exchange, Reply, Sampling
from ..records.trace import NOT_DESCRIBED, NOT_REASONED, Description, Trace
from .contract import Need

Described = tuple[Description, tuple[Exchange, ...]]


@dataclass(frozen=True)
class Describe:
    """Captions of the references, where the recipe wants them for a question or a grain.

    ``looks`` says whether the reasoner looks at pictures where its stage lets it; ``language`` is what
    captions are wanted in: that of the encoder, which reads them.
    """

    recipe: Recipe
    engine: CachedEngine
    sampling: Sampling
    looks: bool = False
    language: str = prompting.LANGUAGE
    name = "describe"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with descriptions; one whose captioner gave no answer has an error."""
        stage = self.recipe.describe
        wanted = (wants_captions(trace, self.recipe, self.looks) for trace in traces)
        places = [n for n, is_wanted in enumerate(wanted) if stage and is_wanted]
        if stage is None or not places:
            return list(traces)
        described = describe(
            [path for n in places if (path := traces[n].query.reference)],
            prompting.load(stage.prompt, self.language),
            self.engine,
            self.sampling,
            stage.captions,
            [traces[n].query.modification for n in places],
        )
        found = list(traces)
        for n, (description, exchanges) in zip(places, described, strict=True):
            found[n] = _with(traces[n], description, exchanges)
        return found

    def needs(self) -> Sequence[Need]:
        """The captioner, once a caption."""
        stage = self.recipe.describe
        return [Need(self.engine, stage.captions)] if stage else []


def wants_captions(trace: Trace, recipe: Recipe, looks: bool) -> bool:
    """Whether a question or a grain is about captions, and not about the picture itself."""
    if trace.description is not NOT_DESCRIBED or not trace.query.composed:
        return False
    if trace.query.reference is None:
        return False
    asked = any(not (stage.sees and looks) for stage in recipe.reason)
    return (asked and trace.intent is NOT_REASONED) or recipe.reads("captions")


def _with(trace: Trace, description: Description, exchanges: tuple[Exchange, ...]) -> Trace:
    trace = replace(trace, description=description, exchanges=(*trace.exchanges, *exchanges))
    if description.problem:
        return trace.failed(description.problem)
    if not description.captions:
        return trace.warned("the captioner said nothing about the reference")
    return trace


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
                "describe", engine.model, prompt.name, request.messages, reply, revision=engine.revision
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
            texts.append(str(read_reply(prompt, reply).value))
        except ReplyError as unusable:
            if reply.finish != "stop":
                problem = f"the caption cannot be used: {unusable.message}"
    return Description(tuple(texts), "" if texts else problem)
