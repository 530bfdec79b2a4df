"""Sentence-transformers models: an encoder of texts alone, for galleries that are captions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, ModelError
from ..machine import foreign, models
from ..machine.devices import choose_device
from .contract import EncoderSpec
from .options import check_names
from .state import state_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image


def _prompts(declared: Mapping[str, str | None]) -> tuple[str, str]:
    """(of queries, of documents) as a model declares them; both empty where it declares none."""
    documents = (declared.get(name) for name in ("document", "passage", "corpus"))
    return declared.get("query") or "", next((text for text in documents if text), "")


class SentenceEncoder:
    """Texts as unit vectors; pictures are refused."""

    draft_size = 1
    preprocessing = "texts only"

    def __init__(self, spec: EncoderSpec) -> None:
        check_names("sentence", spec.options)
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as problem:
            raise ModelError(
                "the encoder needs the package sentence-transformers", "pip install 'likebut[text]'"
            ) from problem
        folder = models.local_folder(spec.model)
        try:
            self._model = SentenceTransformer(
                str(folder or spec.model),
                device=str(choose_device(spec.device)),
                backend="torch",
                trust_remote_code=False,
            )
        except (OSError, ValueError, KeyError, ImportError) as problem:
            if foreign.wants_to_run(problem):
                raise foreign.refused(spec.model) from problem
            first = (str(problem).strip().splitlines() or ["?"])[0]
            raise ModelError(f"cannot load the encoder {spec.model}: {first[:160]}") from problem
        self.batch_size = spec.batch_size
        self.name = f"sentence {spec.model}"
        weights = models.encoder_fingerprint(folder) if folder else state_hash(self._model)
        self._query, self._document = _prompts(self._model.prompts)
        # E5 and its kind: what is asked and what is searched begin with other words.
        self.documents_differ = self._query != self._document
        identity = f"{weights} {self._query} {self._document}"
        self.fingerprint = (
            hashlib.sha256(identity.encode()).hexdigest() if self.documents_differ else weights
        )
        self.dimension = int(self._model.get_embedding_dimension() or 0)
        self.context_length = int(self._model.max_seq_length or 512)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows of what is asked."""
        return self._encode(texts, self._query)

    def encode_documents(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows of what is searched."""
        return self._encode(texts, self._document)

    def _encode(self, texts: Sequence[str], prompt: str) -> NDArray[Any]:
        import numpy as np

        if not texts:
            return np.empty((0, self.dimension), np.float32)
        rows = self._model.encode(
            list(texts),
            prompt=prompt or None,
            batch_size=self.batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(rows, np.float32)

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has, ends included."""
        return len(self._model.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def prepare(self, image: Image) -> NDArray[Any]:
        """Refuse: this encoder reads texts. Raises ConfigError."""
        raise ConfigError(
            f"{self.name} encodes texts, not pictures",
            "use it on a gallery of captions, or name a profile whose encoder sees",
        )

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """See `prepare`."""
        raise ConfigError(f"{self.name} encodes texts, not pictures")
