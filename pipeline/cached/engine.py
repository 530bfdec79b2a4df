"""An engine behind the cache: every question is asked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pipeline import models
from pipeline.cache import Cache, batched, content_key, file_hash
from pipeline.engines.contract import Engine, EngineSpec, Request
from pipeline.records import Reply

# Engines whose models have commits on the hub; engine options that say where, not what.
_ON_HUB = ("transformers",)
_PLACEMENT = ("device_map",)


def _fingerprint(folder: Path, cache: Cache) -> str:
    """The hash of a model folder, remembered for as long as no file of it changes."""
    key = content_key(kind="fingerprint", stamp=models.stamp(folder))
    known = cache.fact(key)
    if known is None:
        known = {"fingerprint": models.fingerprint(folder)}
        cache.put_fact(key, known)
    return str(known["fingerprint"])


def _reseeded(request: Request, repeat: int) -> Request:
    """The request with a seed of its own for every repeat, so that sampled repeats differ."""
    sampling = request.sampling
    return replace(request, sampling=replace(sampling, seed=sampling.seed + repeat))


class CachedEngine:
    """Answers from the cache first; loads the engine for what is missing."""

    def __init__(self, spec: EngineSpec, cache: Cache, engine: Engine | None = None) -> None:
        self.spec, self.cache, self._engine = spec, cache, engine
        self.model = spec.model
        self._revision = "given" if engine is not None else ""

    @property
    def revision(self) -> str:
        """What identifies the weights: of a folder or file its contents, of a hub name its commit.

        A commit that is not known yet is known once the model is loaded, so it may be fetched here.
        """
        if not self._revision:
            options = {k: v for k, v in self.spec.options.items() if k not in _PLACEMENT}
            suffix = f" {content_key(options=options)}" if options else ""
            self._revision = self._weights() + suffix
        return self._revision

    def _weights(self) -> str:
        path = Path(self.spec.model)
        if path.is_file():
            return file_hash(path)
        folder = models.local_folder(self.spec.model)
        return _fingerprint(folder, self.cache) if folder else self._commit() or self._fetched()

    def _commit(self) -> str | None:
        """The commit of a hub model, from the hub's own folder or as this cache remembers it."""
        if self.spec.engine not in _ON_HUB:
            return self.spec.revision or "unversioned"
        key = content_key(kind="commit", model=self.spec.model, revision=self.spec.revision)
        commit = models.hub_commit(self.spec.model, self.spec.revision)
        if commit is None:
            known = self.cache.fact(key)
            return known["commit"] if known else None
        self.cache.put_fact(key, {"commit": commit})
        return commit

    def _fetched(self) -> str:
        """The commit after a first load, which fetches the model."""
        from pipeline.engines import make_engine

        self._engine = make_engine(self.spec)
        return self._commit() or self.spec.revision or "main"

    @property
    def engine(self) -> Engine:
        """The real engine, loaded on first use; a hub model at the commit that the keys name."""
        if self._engine is None:
            from pipeline.engines import make_engine

            on_hub = self.spec.engine in _ON_HUB and models.local_folder(self.spec.model) is None
            commit = self._commit() if on_hub else None
            self._engine = make_engine(replace(self.spec, revision=commit or self.spec.revision))
        return self._engine

    def generate(self, requests: Sequence[Request], repeat: int = 0) -> list[Reply]:
        """One reply per request, in order; ``repeat`` > 0 asks the same question anew.

        Each reply is kept before the next batch is asked. Raises what the engine raises.
        """
        keys = [self._key(request, repeat) for request in requests]
        known = self.cache.answers(keys)
        missing = {k: r for k, r in zip(keys, requests, strict=True) if k not in known}
        for part in batched(missing.items(), max(1, self.spec.batch_size)):
            replies = self.engine.generate([_reseeded(request, repeat) for _, request in part])
            for (key, _), reply in zip(part, replies, strict=True):
                self.cache.put_answer(key, self.model, reply)
                known[key] = reply
        return [known[key] for key in keys]

    def _key(self, request: Request, repeat: int) -> str:
        messages = [
            [message.role, message.text, [file_hash(path) for path in message.images]]
            for message in request.messages
        ]
        return content_key(
            engine=self.spec.engine, model=self.model, revision=self.revision, messages=messages,
            schema=request.schema, sampling=asdict(request.sampling), repeat=repeat,
        )  # fmt: skip
