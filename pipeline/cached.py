"""Engines and encoders behind the cache: the real one is loaded only when an answer is missing.

So a repeated query imports no torch. What must be known of a model without loading it (its
fingerprint, an encoder's dimension) is remembered in the cache under a stamp of its files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline import models
from pipeline.cache import Cache, content_key
from pipeline.encoders.contract import Encoder, EncoderSpec
from pipeline.engines.contract import Engine, EngineSpec, Request
from pipeline.errors import ModelError
from pipeline.records import Reply

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image


# Engines whose models have commits on the hub; engine options that say where, not what.
_ON_HUB = ("transformers",)
_PLACEMENT = ("device_map",)
_Item = TypeVar("_Item")


def batched(items: Iterable[_Item], size: int) -> Iterator[tuple[_Item, ...]]:
    """Tuples of ``size`` items, the last one shorter."""
    rest = iter(items)
    while part := tuple(islice(rest, size)):
        yield part


@lru_cache(maxsize=4096)
def _file_hash(path: Path, size: int, mtime: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    facts = path.stat()
    return _file_hash(path, facts.st_size, facts.st_mtime_ns)


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


def _facts(encoder: Encoder) -> dict[str, Any]:
    """What must be known of an encoder that is not loaded."""
    return {
        "name": encoder.name, "fingerprint": encoder.fingerprint,
        "preprocessing": encoder.preprocessing, "dimension": encoder.dimension,
        "draft_size": encoder.draft_size, "context_length": encoder.context_length,
    }  # fmt: skip


class CachedEncoder:
    """An Encoder whose texts and reference pictures are remembered; loads itself when asked."""

    def __init__(self, spec: EncoderSpec, cache: Cache, encoder: Encoder | None = None) -> None:
        self.spec, self.cache, self._encoder = spec, cache, encoder
        self._facts: Mapping[str, Any] | None = None
        self._loading = Lock()

    @property
    def encoder(self) -> Encoder:
        """The real encoder, loaded on first use, once: an index build asks from many threads."""
        with self._loading:
            if self._encoder is None:
                from pipeline.encoders import make_encoder

                self._encoder = make_encoder(self.spec)
                self._check_unchanged(self._encoder)
            return self._encoder

    def _check_unchanged(self, encoder: Encoder) -> None:
        """Vectors of two weights must not meet under one fingerprint. Raises ModelError."""
        if self._facts and self._facts["fingerprint"] != encoder.fingerprint:
            self.cache.put_fact(self._facts_key(), _facts(encoder))
            raise ModelError(
                f"the weights of {self.spec.model} are not those that this cache knew",
                "run it again: the new weights are known now, and the index must be rebuilt",
            )

    def _facts_key(self) -> str:
        folder = models.local_folder(self.spec.model)
        return content_key(
            kind="encoder", encoder=self.spec.encoder, model=self.spec.model,
            pretrained=self.spec.pretrained, stamp=models.stamp(folder) if folder else "",
        )  # fmt: skip

    def _fact(self, name: str) -> Any:
        """A fact of the encoder, from the cache where it is known."""
        if self._facts is None:
            known = self.cache.fact(self._facts_key()) if self._encoder is None else None
            if known is None:
                known = _facts(self.encoder)
                self.cache.put_fact(self._facts_key(), known)
            self._facts = known
        return self._facts[name]

    @property
    def name(self) -> str:
        """The encoder's name."""
        return str(self._fact("name"))

    @property
    def fingerprint(self) -> str:
        """The hash of its weights."""
        return str(self._fact("fingerprint"))

    @property
    def preprocessing(self) -> str:
        """Its preprocessing, as JSON."""
        return str(self._fact("preprocessing"))

    @property
    def dimension(self) -> int:
        """d, the length of its vectors."""
        return int(self._fact("dimension"))

    @property
    def draft_size(self) -> int:
        """The smallest short side it wants pictures to have."""
        return int(self._fact("draft_size"))

    @property
    def context_length(self) -> int:
        """How many tokens of a text it reads."""
        return int(self._fact("context_length"))

    def prepare(self, image: Image) -> NDArray[Any]:
        """See Encoder."""
        return self.encoder.prepare(image)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """See Encoder; gallery pictures are kept by their index, not here."""
        return self.encoder.encode_prepared(batch)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows."""
        import numpy as np

        rows = [vector for vector, _ in self.texts_with_counts(texts)]
        return np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has."""
        return self.texts_with_counts([text])[0][1]

    def texts_with_counts(self, texts: Sequence[str]) -> list[tuple[NDArray[Any], int]]:
        """(vector, token count) of every text, from the cache where it is known."""
        keys = [content_key(encoder=self.fingerprint, text=text) for text in texts]
        known = self.cache.vectors(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        for part in batched(missing.items(), self.spec.batch_size):
            vectors = self.encoder.encode_texts([text for _, text in part])
            for (key, text), vector in zip(part, vectors, strict=True):
                known[key] = (vector, self.encoder.token_count(text))
                self.cache.put_vector(key, self.spec.model, *known[key])
        return [known[key] for key in keys]

    def encode_files(self, paths: Sequence[Path]) -> list[NDArray[Any]]:
        """(d,) unit vectors of picture files, by content. Raises BadImage for one that is none."""
        from indexes.decode import load_image

        keys = [
            content_key(
                encoder=self.fingerprint, preprocessing=self.preprocessing, image=file_hash(path)
            )
            for path in paths
        ]
        known = self.cache.vectors(keys)
        missing = {key: path for key, path in zip(keys, paths, strict=True) if key not in known}
        for part in batched(missing.items(), self.spec.batch_size):
            prepared = [self.prepare(load_image(path, self.draft_size)) for _, path in part]
            for (key, _), vector in zip(part, self.encode_prepared(prepared), strict=True):
                self.cache.put_vector(key, self.spec.model, vector)
                known[key] = (vector, 0)
        return [known[key][0] for key in keys]
