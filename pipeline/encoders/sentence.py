"""Sentence-transformers models: encoders of texts alone, for galleries that are captions, and its CLIPs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, ModelError
from ..machine import foreign, models
from ..machine.devices import choose_device
from .contract import EncoderSpec
from .dual import seen_by
from .options import check_names
from .preparing import without_far_ends
from .state import state_hash

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image


def _prompts(declared: Mapping[str, str | None]) -> tuple[str, str]:
    """(of queries, of documents) as a model declares them; both empty where it declares none."""
    documents = (declared.get(name) for name in ("document", "passage", "corpus"))
    return declared.get("query") or "", next((text for text in documents if text), "")


class SentenceEncoder:
    """Texts as unit vectors, and pictures where the model sees; else they are refused."""

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
        self.sees = bool(self._model.supports("image"))
        if self.sees:
            seen = seen_by(self._model.processor.image_processor)
            self.preprocessing = json.dumps(seen, sort_keys=True)
            self.draft_size = 2 * min(seen.get("resized", seen["size"]))
        self.dimension = int(self._model.get_embedding_dimension() or self._measure())
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
        """(3, height, width) float32, by the model's own processor.

        Raises ConfigError for a model that reads texts alone.
        """
        import numpy as np

        self._check_sees()
        return np.asarray(self._model.preprocess([without_far_ends(image)])["pixel_values"][0], np.float32)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """(n, d) float32 unit rows. Raises ConfigError as `prepare` does."""
        import numpy as np
        import torch

        self._check_sees()
        parts = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(batch), self.batch_size):
            pixels = torch.from_numpy(np.stack(batch[start : start + self.batch_size]))
            given = {"pixel_values": pixels.to(self._model.device, self._model.dtype), "modality": "image"}
            with torch.inference_mode():
                found = self._model(given)["sentence_embedding"].float()
                parts.append((found / found.norm(dim=-1, keepdim=True)).cpu().numpy())
        return np.concatenate(parts)

    def _check_sees(self) -> None:
        if not self.sees:
            raise ConfigError(
                f"{self.name} encodes texts, not pictures",
                "use it on a gallery of captions, or name a profile whose encoder sees",
            )

    def _measure(self) -> int:
        """d, from one short text, where the model does not say it."""
        return int(self._model.encode(["a"], show_progress_bar=False).shape[1])
