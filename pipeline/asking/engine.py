"""An engine behind the cache: every question is asked once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..engines import Kind, kind_of, tokens
from ..engines.constraining import constrains
from ..engines.contract import Engine, EngineSpec, Request
from ..machine import models
from ..records.chat import Reply
from ..records.keys import content_key, file_hash
from .cache import Cache
from .wanted import check_wanted
from .weights import contents

if TYPE_CHECKING:
    from .afar import Workers
    from .budget import Account

# Engine options that say where and how fast, not what. A server's address is one of them: the same
# model answers the same wherever it runs, and a model that moves to another port, or a cache that
# moves to another machine, must not be paid for again. What changes weights behind one name is
# the profile's ``revision``, which is in the key.
_PLACEMENT = (
    "device_map",
    "tensor_parallel_size",
    "gpu_memory_utilization",
    "enforce_eager",
    "max_num_batched_tokens",
    "block_size",
    "base_url",
    "api_key_env",
    "concurrency",
    "timeout",
    "attempts",
)


def _reseeded(request: Request, repeat: int) -> Request:
    """The request with a seed of its own for every repeat, so that sampled repeats differ."""
    sampling = request.sampling
    return replace(request, sampling=replace(sampling, seed=sampling.seed + repeat))


class CachedEngine:
    """Answers from the cache first; loads the engine for what is missing.

    An ``account`` counts what is asked, and lets through what its budget allows; ``make`` loads it
    where `make_engine` is not to. Where ``workers`` are given, the engine is theirs.
    """

    def __init__(
        self,
        spec: EngineSpec,
        cache: Cache,
        engine: Engine | None = None,
        account: Account | None = None,
        make: Callable[[EngineSpec], Engine] | None = None,
        workers: Workers | None = None,
    ) -> None:
        self.spec, self.cache, self._engine, self.account = spec, cache, engine, account
        self._make, self._workers = make, workers
        self.model = spec.model
        self._revision = "given" if engine is not None else ""

    def through(self, engine: Engine) -> CachedEngine:
        """The same questions of the same model and cache, put to ``engine`` at nobody's cost."""
        other = CachedEngine(self.spec, self.cache, engine)
        other._revision = self.revision
        return other

    @property
    def revision(self) -> str:
        """What identifies the weights: of a folder or file its contents, of a hub name its commit,
        of a model that a server holds the profile's revision.

        A commit that is not known yet is known once the model is loaded, so it may be fetched here.
        """
        if not self._revision:
            apart = (*_PLACEMENT, "structured") if self._kind.weights == "hub" else _PLACEMENT
            options = {k: v for k, v in self.spec.options.items() if k not in apart}
            suffix = f" {content_key(options=options)}" if options else ""
            self._revision = self._weights() + suffix
        return self._revision

    @property
    def _kind(self) -> Kind:
        return kind_of(self.spec.engine)

    def _weights(self) -> str:
        if self._kind.weights == "server":
            return self.spec.revision or "unversioned"
        return contents(self.spec, self.cache) or self._commit() or self._fetched()

    def _commit(self) -> str | None:
        """The commit of a hub model, from the hub's own folder or as this cache remembers it."""
        if self._kind.weights != "hub":
            return self.spec.revision or "unversioned"
        commit = models.hub_commit(self.spec.model, self.spec.revision)
        if commit is None:
            known = self.cache.fact(self._commit_key())
            return known["commit"] if known else None
        self.cache.put_fact(self._commit_key(), {"commit": commit})
        return commit

    def _commit_key(self) -> str:
        return content_key(kind="commit", model=self.spec.model, revision=self.spec.revision)

    def _fetched(self) -> str:
        """The commit after a first load, which fetches the model; a worker's where they load it."""
        if self._workers:
            self.cache.put_fact(self._commit_key(), {"commit": self._workers.commit(self.spec)})
        else:
            with models.LOADING:
                self._engine = self._engine or self._made(self.spec)
        return self._commit() or self.spec.revision or "main"

    @property
    def engine(self) -> Engine:
        """The real engine, loaded on first use, once for all threads; a hub model at the commit that
        the keys name.
        """
        with models.LOADING:
            if self._engine is None:
                self._engine = self._loaded()
            return self._engine

    def _loaded(self) -> Engine:
        on_hub = self._kind.weights == "hub" and models.local_folder(self.spec.model) is None
        commit = self._commit() if on_hub else None
        return self._made(replace(self.spec, revision=commit or self.spec.revision))

    def _made(self, spec: EngineSpec) -> Engine:
        if self._workers:
            return self._workers.engine(spec, contents(spec, self.cache))
        from ..engines import make_engine

        return (self._make or make_engine)(spec)

    @property
    def at_once(self) -> int:
        """How many requests it takes to keep everybody busy who answers; 0 where that is no matter."""
        return self._workers.at_once(self.spec) if self._workers else 0

    def generate(self, requests: Sequence[Request], repeat: int = 0) -> list[Reply]:
        """One reply per request, in order; ``repeat`` > 0 asks the same question anew.

        Every answer is kept the moment it is there, one that was cut at its token limit, too: it
        is paid for, and at the same settings it would be cut again. An error is never kept.
        Raises what the engine raises, BudgetReached where a limit lets no more through, and Unwanted
        after a reply that nobody waited for.
        """
        questions = [self._question(request, repeat) for request in requests]
        keys = [content_key(**question) for question in questions]
        by_key = dict(zip(keys, questions, strict=True))
        known = self.cache.answers(keys)
        self.cache.learn_questions({key: by_key[key] for key in known})
        if self.account:
            self.account.found(list(known))
        missing = {
            key: _reseeded(request, repeat)
            for key, request in zip(keys, requests, strict=True)
            if key not in known
        }
        while missing:
            asked = list(missing.items())
            count = self.account.admit(list(missing.values())) if self.account else len(asked)
            known |= self._ask(asked[:count], by_key)
            missing = dict(asked[count:])
        return [known[key] for key in keys]

    def _ask(self, asked: Sequence[tuple[str, Request]], questions: Mapping[str, Any]) -> dict[str, Reply]:
        """The engine's replies by key: counted, then kept, as they come."""

        def keep(place: int, reply: Reply) -> None:
            key, request = asked[place]
            if self.account:
                self.account.settle(key, request, reply)
            if not reply.error:
                self.cache.put_answer(key, self.model, reply, questions[key])
            check_wanted()

        replies = self.engine.generate([request for _, request in asked], keep)
        self._learn([request for _, request in asked], replies)
        return {key: reply for (key, _), reply in zip(asked, replies, strict=True)}

    def _learn(self, requests: Sequence[Request], replies: Sequence[Reply]) -> None:
        """Remember how the prompt tokens of replies compare to the guesses of them."""
        for seeing in (False, True):
            counts = [
                (reply.prompt_tokens, tokens.guess(request))
                for request, reply in zip(requests, replies, strict=True)
                if reply.prompt_tokens and tokens.shows(request) is seeing
            ]
            if counts:
                before = self.cache.fact(self._learned(seeing)) or {"told": 0, "guess": 0}
                sums = [sum(column) for column in zip(*counts, strict=True)]
                after = {"told": before["told"] + sums[0], "guess": before["guess"] + sums[1]}
                self.cache.put_fact(self._learned(seeing), after)

    def _learned(self, seeing: bool) -> str:
        return content_key(kind="prompt tokens", model=self.model, seeing=seeing)

    def prompt_tokens(self, request: Request) -> float:
        """About how many the prompt has, as this model has counted so far."""
        known = self.cache.fact(self._learned(tokens.shows(request)))
        return tokens.guess(request) * (known["told"] / known["guess"] if known else 1.0)

    def _question(self, request: Request, repeat: int) -> dict[str, Any]:
        """Everything that decides an answer; the cache's key is its hash."""
        messages = [
            [message.role, message.text, [file_hash(path) for path in message.images]]
            for message in request.messages
        ]
        return {
            "engine": self.spec.engine,
            "model": self.model,
            "revision": self.revision,
            "messages": messages,
            "schema": request.schema,
            "sampling": vars(request.sampling),
            "repeat": repeat,
            **({"choices": list(request.choices)} if request.choices else {}),
            **self._held(request),
            **self._added(),
        }

    def _added(self) -> dict[str, Any]:
        """A part of the key where the profile adds fields of its own to every request."""
        extra = self.spec.options.get("extra_body")
        return {"extra_body": extra} if extra else {}

    def _held(self, request: Request) -> dict[str, str]:
        """A part of the key where the engine itself holds a reply to its schema, written in order.

        Whether it does may follow from what is installed, so the option alone would not say it.
        Replies that are not held have the keys that they had before there was a choice.
        """
        if self._kind.weights != "hub" or request.schema is None:
            return {}
        return {"held": json.dumps(request.schema)} if self._holds else {}

    @cached_property
    def _holds(self) -> bool:
        return constrains(self.spec.options)
