"""An encoder behind the cache: texts and reference pictures are encoded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...indexes.parts import parts_encoder, preprocessing
from ..encoders.contract import Encoder, EncoderSpec
from ..errors import ModelError
from ..machine import models
from ..records.keys import content_key, file_hash
from .cache import Cache, batched
from .facts import facts_key, facts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from ...indexes.contract import Box, ImageEncoder
    from ..records.trace import LightSide


class CachedEncoder:
    """An Encoder whose texts and reference pictures are remembered; loads itself when asked, by ``make``
    where `make_encoder` is not to.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        cache: Cache,
        encoder: Encoder | None = None,
        make: Callable[[EncoderSpec], Encoder] | None = None,
    ) -> None:
        self.spec, self.cache, self._encoder, self._make = spec, cache, encoder, make
        self._facts: Mapping[str, Any] | None = None

    @property
    def encoder(self) -> Encoder:
        """The real encoder, loaded on first use, once: an index build asks from many threads."""
        with models.LOADING:
            if self._encoder is None:
                from ..encoders import make_encoder

                made = (self._make or make_encoder)(self.spec)
                self._check_unchanged(made)
                self._encoder = made
            return self._encoder

    @property
    def light(self) -> LightSide | None:
        """Who encodes what is asked, where it is not the tower itself; see ``asking.light``."""
        return None

    @property
    def text_fingerprint(self) -> str:
        """What tells vectors of texts that are asked from others."""
        return self.fingerprint

    def load_for_texts(self) -> None:
        """Load what encodes texts that are asked."""
        _ = self.encoder

    def _check_unchanged(self, encoder: Encoder) -> None:
        """Vectors of two weights must not meet under one fingerprint. Raises ModelError."""
        if self._facts and self._facts["fingerprint"] != encoder.fingerprint:
            self.cache.put_fact(facts_key(self.spec), facts_of(encoder))
            raise ModelError(
                f"the weights of {self.spec.model} are not those that this cache knew",
                "run it again: the new weights are known now, and the index must be rebuilt",
            )

    def _known_facts(self) -> Mapping[str, Any] | None:
        """What is known of the encoder without loading it; None where nothing is."""
        found: Mapping[str, Any] | None = None
        if self._encoder is None:
            found = self.cache.fact(facts_key(self.spec))
        return found

    def _fact(self, name: str) -> Any:
        """A fact of the encoder, from the cache where it is known."""
        if self._facts is None:
            known = self._known_facts()
            if known is None:
                known = facts_of(self.encoder)
                self.cache.put_fact(facts_key(self.spec), known)
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

    @property
    def documents_differ(self) -> bool:
        """Whether what is searched is encoded otherwise than what is asked."""
        _ = self.dimension  # an older cache knows all facts but this one
        return bool((self._facts or {}).get("documents_differ", False))

    @property
    def composes(self) -> bool:
        """Whether it gives one vector to a picture and a sentence together; see ``asking.composed``."""
        _ = self.dimension
        return bool((self._facts or {}).get("composes", False))

    @property
    def preparing(self) -> Any:
        """See ``indexes.contract.ImageEncoder``; None where the encoder has none."""
        return getattr(self.encoder, "preparing", None)

    def prepare(self, image: Image) -> NDArray[Any]:
        """See Encoder."""
        return self.encoder.prepare(image)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """See Encoder; gallery pictures are kept by their index, not here."""
        return self.encoder.encode_prepared(batch)

    @property
    def region_boxes(self) -> tuple[Box, ...]:
        """The parts that the encoder tells of itself; none where it has no such."""
        return tuple(getattr(self.encoder, "region_boxes", ()))

    def prepare_regions(self, image: Image) -> NDArray[Any]:
        """See ``indexes.contract.DenseEncoder``."""
        dense: Any = self.encoder
        prepared: NDArray[Any] = dense.prepare_regions(image)
        return prepared

    def encode_regions(self, batch: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """See ``indexes.contract.DenseEncoder``; those of a gallery are kept by its index, not here."""
        dense: Any = self.encoder
        rows: NDArray[Any] = dense.encode_regions(batch)
        return rows

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows."""
        import numpy as np

        rows = [vector for vector, _ in self.texts_with_counts(texts)]
        return np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)

    def encode_documents(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows of what is searched, where an encoder tells it from what is asked."""
        import numpy as np

        if not self.documents_differ:
            return self.encode_texts(texts)
        rows = [vector for vector, _ in self.texts_with_counts(texts, documents=True)]
        return np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has."""
        return self.texts_with_counts([text])[0][1]

    def texts_with_counts(
        self, texts: Sequence[str], *, documents: bool = False
    ) -> list[tuple[NDArray[Any], int]]:
        """(vector, token count) of every text, from the cache where it is known."""
        kind = {"kind": "document"} if documents else {}
        keys = [content_key(encoder=self.fingerprint, text=text, **kind) for text in texts]
        known = self.cache.vectors(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        # Texts of like length share a batch: a model that pads would spend its time on nothing.
        alike = sorted(missing.items(), key=lambda pair: len(pair[1]))
        for part in batched(alike, self.spec.batch_size):
            real: Any = self.encoder
            encode = real.encode_documents if documents else real.encode_texts
            vectors = encode([text for _, text in part])
            counts = self._token_counts([text for _, text in part])
            for (key, _), vector, count in zip(part, vectors, counts, strict=True):
                known[key] = (vector, count)
                self.cache.put_vector(key, self.spec.model, *known[key])
        return [known[key] for key in keys]

    def _token_counts(self, texts: Sequence[str]) -> list[int]:
        """Counts of tokens, at once where the encoder is far."""
        real: Any = self.encoder
        at_once = getattr(real, "token_counts", None)
        return list(at_once(texts)) if at_once else [real.token_count(text) for text in texts]

    def encode_files(self, paths: Sequence[Path]) -> list[NDArray[Any]]:
        """(d,) unit vectors of picture files, by content. Raises BadImage for one that is none."""
        return self._files(paths, self.preprocessing, lambda: self)

    def encode_region_files(self, paths: Sequence[Path], kind: str) -> list[NDArray[Any]]:
        """(R, d) unit vectors of the parts of picture files, "crops" or "patches", by content.

        Raises BadImage for a file that is no picture, and GalleryError where the encoder has no such.
        """
        import numpy as np

        rows = self._files(paths, preprocessing(kind, self), lambda: parts_encoder(kind, self))
        parts = [np.asarray(row, np.float32).reshape(-1, self.dimension) for row in rows]
        return [part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts]

    def _files(
        self, paths: Sequence[Path], made: str, encoder: Callable[[], ImageEncoder]
    ) -> list[NDArray[Any]]:
        """The rows that ``encoder`` gives picture files, ``made`` so; from the cache where known."""
        from ...indexes.decode import load_image

        keys = [
            content_key(encoder=self.fingerprint, preprocessing=made, image=file_hash(path))
            for path in paths
        ]
        known = self.cache.vectors(keys)
        missing = {key: path for key, path in zip(keys, paths, strict=True) if key not in known}
        real = encoder() if missing else self
        for part in batched(missing.items(), self.spec.batch_size):
            prepared = [real.prepare(load_image(path, real.draft_size)) for _, path in part]
            for (key, _), vector in zip(part, real.encode_prepared(prepared), strict=True):
                self.cache.put_vector(key, self.spec.model, vector)
                known[key] = (vector, 0)
        return [known[key][0] for key in keys]
