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
from typing import TYPE_CHECKING

from ...indexes.captions import match
from ...indexes.errors import Problem
from ...indexes.items import Item
from .. import prompting
from ..engines.contract import OnReply, Request
from ..errors import ConfigError, InputError
from ..prompting.reply import parse_reply
from ..records.chat import Reply, Sampling
from ..records.trace import Query
from ..stages.describe import describe

if TYPE_CHECKING:
    from ..stages.composer import Composer

Texts = Mapping[str, Sequence[str]]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Taken:
    """Texts that are ``new`` answers, and that were ``known``; (name, why) of what fits nothing."""

    new: int
    known: int
    unmatched: tuple[Problem, ...]


class _Published:
    """An engine that says the ``texts`` of one item, by the number of the repeat."""

    sees = True

    def __init__(self, source: str, sampling: Sampling) -> None:
        self.source, self.sampling, self.asked = source, sampling, 0
        self.texts: Sequence[str] = ()

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """The text of every request's repeat."""
        replies = []
        for place, request in enumerate(requests):
            text = self.texts[request.sampling.seed - self.sampling.seed]
            replies.append(Reply(text, served=f"imported from {self.source}"))
            if on_reply:
                on_reply(place, replies[-1])
        self.asked += len(replies)
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
    """Captions of ``pictures``, by their ids, names or stems, as the captioner's answers.

    A picture needs as many as the recipe describes it with. Raises ConfigError for a recipe that
    describes nothing, or by the sentence of each query; InputError where captions are too few.
    """
    stage = composer.recipe.describe
    if stage is None or not stage.asks:
        raise ConfigError(f"recipe {composer.recipe.name} asks for no caption", "choose another")
    prompt = prompting.load(stage.prompt, composer.reads.language)
    if "modification" in prompt.variables:
        raise ConfigError(f"prompt {prompt.name} describes a picture anew for every sentence")
    items = [Item(row, ident, str(path), "") for row, (ident, path) in enumerate(pictures.items())]
    found, unmatched = match(items, texts)
    for (ident, _), captions in found.items():
        if len(captions) < stage.captions:
            raise InputError(
                f"{ident} has {len(captions)} captions, and recipe {composer.recipe.name} asks for "
                f"{stage.captions}"
            )
    engine = _Published(source, composer.captioner_sampling)
    asking = composer.captioner.through(engine)
    for count, ((ident, _), captions) in enumerate(found.items(), 1):
        engine.texts = captions
        describe([pictures[ident]], prompt, asking, engine.sampling, stage.captions)
        if on_progress:
            on_progress(count, len(found))
    return Taken(engine.asked, len(found) * stage.captions - engine.asked, unmatched)


def take_rewrites(
    texts: Texts,
    queries: Sequence[Query],
    composer: Composer,
    source: str,
    on_progress: OnProgress | None = None,
) -> Taken:
    """Target captions by the ids of ``queries``, as the reasoner's answers to the recipe's prompt.

    Raises ConfigError for a recipe that does not ask one question a query, InputError where the
    captions that the question is about are not in the cache; nothing is taken then.
    """
    stages = composer.recipe.reason
    if len(stages) != 1 or stages[0].samples > 1 or stages[0].over != "caption":
        raise ConfigError(
            f"recipe {composer.recipe.name} does not ask one question a query",
            "choose one that does, such as cirevl",
        )
    prompt = prompting.load(stages[0].prompt)
    engine = _Published(source, composer.reasoner_sampling)
    scripted = replace(
        composer,
        captioner=composer.captioner.through(_Silent()),
        index=None,
        reasoner=composer.reasoner.through(engine),
    )
    fitting = [query for query in queries if query.id in texts]
    replies = [_reply(prompt, texts[query.id][0]) for query in fitting]
    described = scripted.compose(fitting, until="describe")
    for trace in described:
        if trace.error:
            raise InputError(f"query {trace.query.id}: {trace.error}")
    *_, reasoning = scripted.stages("reason")
    for count, (trace, reply) in enumerate(zip(described, replies, strict=True), 1):
        engine.texts = (reply,)
        reasoning([trace])
        if on_progress:
            on_progress(count, len(fitting))
    known = {query.id for query in queries}
    unmatched = tuple(Problem(name, "no such query") for name in texts if name not in known)
    return Taken(engine.asked, len(fitting) - engine.asked, unmatched)


def _reply(prompt: prompting.Prompt, text: str) -> str:
    """The reply to a prompt that says this target caption. Raises ConfigError where none can."""
    if prompt.schema is None:
        return text
    parts = prompt.schema.get("properties", {})
    if "target_caption" not in parts:
        raise ConfigError(f"replies to {prompt.name} have no target_caption", "choose another recipe")
    empty = {name: [] if part.get("type") == "array" else "" for name, part in parts.items()}
    reply = json.dumps({**empty, "target_caption": text})
    parse_reply(prompt, reply)
    return reply
