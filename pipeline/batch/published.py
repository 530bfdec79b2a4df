"""Published captions and rewrites as answers: a paper's method without its models.

The stages themselves ask, and an engine that holds the published texts answers; so an answer lies
under the very question that a query will ask, and what was answered before stays. ``served`` of an
answer says from which file it comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import prompting
from pipeline.engines.contract import OnReply, Request
from pipeline.errors import ConfigError, InputError
from pipeline.prompting.reply import parse_reply
from pipeline.records.chat import Reply, Sampling
from pipeline.records.trace import Query, Trace
from pipeline.stages.composer import run
from pipeline.stages.describe import describe
from pipeline.stages.reason import Reason

if TYPE_CHECKING:
    from pipeline.asking.engine import CachedEngine
    from pipeline.stages.composer import Composer

Texts = Mapping[str, Sequence[str]]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Taken:
    """Texts that are ``new`` answers, and that were ``known``; names that fit nothing."""

    new: int
    known: int
    unmatched: tuple[str, ...]


class _Published:
    """An engine that says the texts of one item, by the number of the repeat."""

    sees = True

    def __init__(self, source: str) -> None:
        self.source, self.asked, self.seed = source, 0, Sampling().seed
        self.texts: tuple[str, ...] = ()

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """The text of every request's repeat. Raises InputError where there are not so many."""
        replies = []
        for place, request in enumerate(requests):
            number = request.sampling.seed - self.seed
            if number >= len(self.texts):
                raise InputError(
                    f"{len(self.texts)} texts of an item, and the recipe asks for more"
                )
            reply = Reply(self.texts[number], served=f"imported from {self.source}")
            self.asked += 1
            replies.append(reply)
            if on_reply:
                on_reply(place, reply)
        return replies


class _Silent:
    """In the place of a captioner, which is not to be asked."""

    sees = True

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """Raises InputError."""
        raise InputError(
            "the reasoner is asked about captions that are not in the cache",
            "import them first: likebut cache import FILE --as captions …",
        )


def take_captions(
    texts: Texts,
    pictures: Mapping[str, Path],
    composer: Composer,
    source: str,
    on_progress: OnProgress | None = None,
) -> Taken:
    """Captions of ``pictures``, by the same names, as the captioner's answers to the recipe's prompt.

    A picture needs as many as the recipe describes it with. Raises ConfigError for a recipe that
    describes nothing, or by the sentence of each query; InputError where captions are too few.
    """
    stage = composer.recipe.describe
    if stage is None:
        raise ConfigError(f"recipe {composer.recipe.name} asks for no caption", "choose another")
    prompt = prompting.load(stage.prompt)
    if "modification" in prompt.variables:
        raise ConfigError(f"prompt {prompt.name} describes a picture anew for every sentence")
    fitting = [name for name in texts if name in pictures]
    few = [name for name in fitting if len(texts[name]) < stage.captions]
    if few:
        raise InputError(
            f"{few[0]} has {len(texts[few[0]])} captions, and recipe {composer.recipe.name} asks for "
            f"{stage.captions}"
        )
    engine = _Published(source)
    cached = _with(composer.captioner, engine)
    engine.seed = composer.captioner_sampling.seed
    for count, name in enumerate(fitting, 1):
        engine.texts = tuple(texts[name])
        describe([pictures[name]], prompt, cached, composer.captioner_sampling, stage.captions)
        if on_progress:
            on_progress(count, len(fitting))
    asked = len(fitting) * stage.captions
    return Taken(engine.asked, asked - engine.asked, _others(texts, pictures))


def take_rewrites(
    texts: Texts,
    queries: Sequence[Query],
    composer: Composer,
    source: str,
    on_progress: OnProgress | None = None,
) -> Taken:
    """Target captions by the ids of ``queries``, as the reasoner's answers to the recipe's prompt.

    Raises ConfigError for a recipe that does not ask one question a query, InputError where the
    captions that the question is about are not in the cache.
    """
    stages = composer.recipe.reason
    if len(stages) != 1 or stages[0].samples > 1 or stages[0].over != "caption":
        raise ConfigError(
            f"recipe {composer.recipe.name} does not ask one question a query",
            "choose one that does, such as cirevl",
        )
    prompt = prompting.load(stages[0].prompt)
    engine = _Published(source)
    engine.seed = composer.reasoner_sampling.seed
    told = replace(
        composer, captioner=_with(composer.captioner, _Silent()), index=None,
        reasoner=_with(composer.reasoner, engine),
    )  # fmt: skip
    check, describing, reasoning = told.stages("reason")
    assert isinstance(reasoning, Reason)
    fitting = [query for query in queries if query.id in texts]
    replies = {query.id: _reply(prompt, texts[query.id][0]) for query in fitting}
    for count, query in enumerate(fitting, 1):
        engine.texts = (replies[query.id],)
        traces = run(describing, run(check, [Trace(query)]))
        if traces[0].error:
            raise InputError(f"query {query.id}: {traces[0].error}")
        run(reasoning, traces)
        if on_progress:
            on_progress(count, len(fitting))
    known = {query.id: query for query in queries}
    return Taken(engine.asked, len(fitting) - engine.asked, _others(texts, known))


def _with(cached: CachedEngine, engine: Any) -> CachedEngine:
    """The same questions, put to another engine, and at nobody's cost."""
    from pipeline.asking.engine import CachedEngine

    other = CachedEngine(cached.spec, cached.cache)
    _ = other.revision  # of the model that is stood in for
    other._engine = engine
    return other


def _reply(prompt: prompting.Prompt, text: str) -> str:
    """The reply to a prompt that says this target caption. Raises ConfigError where none can."""
    if prompt.schema is None:
        return text
    parts = prompt.schema.get("properties", {})
    empty = {name: [] if parts[name].get("type") == "array" else "" for name in parts}
    reply = json.dumps({**empty, "target_caption": text})
    if "target_caption" not in parts:
        raise ConfigError(
            f"replies to {prompt.name} have no target_caption", "choose another recipe"
        )
    parse_reply(prompt, reply)
    return reply


def _others(texts: Texts, known: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in texts if name not in known)
