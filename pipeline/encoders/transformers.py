"""Dual encoders of the transformers library, by name or folder, each by its family's own processor."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..machine import models
from ..machine.devices import choose_device, choose_dtype
from .contract import EncoderSpec
from .dual import FAMILIES, check, context_of, seen_by
from .loading import load
from .processing import SHAPES, Processing
from .state import state_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


class TransformersEncoder:
    """CLIP, SigLIP, SigLIP 2, ALIGN, Chinese-CLIP or AltCLIP, told apart by their own configuration."""

    documents_differ = False

    def __init__(self, spec: EncoderSpec) -> None:
        check(spec)
        folder = models.local_folder(spec.model)
        self.device = choose_device(spec.device)
        self.dtype = choose_dtype(spec.dtype, self.device)
        model, processor = load(str(folder or spec.model), spec.model, FAMILIES)
        self.fingerprint = models.encoder_fingerprint(folder) if folder else state_hash(model)
        self._family = FAMILIES[model.config.model_type]
        self._model = model.to(device=self.device, dtype=self.dtype).eval()
        images, self._tokenizer = processor.image_processor, processor.tokenizer
        self.context_length = context_of(self._family, self._tokenizer, model.config)
        self.name = f"transformers {spec.model}"
        self.preprocessing = json.dumps(seen_by(images), sort_keys=True)
        self.preparing = Processing.of(images)
        self.draft_size = self.preparing.draft_size
        self.batch_size = spec.batch_size
        self.dimension = self._measure()

    def prepare(self, image: Image) -> NDArray[Any]:
        """float32 pixels by the model's own processor, see `Processing`."""
        return self.preparing.prepare(image)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows."""
        return self._encode(batch, self._pixels, self._model.get_image_features)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows."""
        return self._encode(texts, self._tokens, self._model.get_text_features)

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has, ends included."""
        return len(self._tokenizer(self._cased(text), truncation=False, verbose=False)["input_ids"])

    def _pixels(self, part: Sequence[NDArray[Any]]) -> dict[str, Any]:
        """Prepared pictures as the inputs of the image tower."""
        import numpy as np
        import torch

        stacked = torch.from_numpy(np.stack(part)).to(self.device)
        if stacked.dim() > 3:
            return {"pixel_values": stacked.to(self.dtype)}
        shapes = stacked[:, -1, :2].long()
        places = torch.arange(stacked.shape[1] - 1, device=self.device)
        mask = (places[None] < shapes.prod(1)[:, None]).int()
        pixels = stacked[:, :-1].to(self.dtype)
        return {"pixel_values": pixels, "pixel_attention_mask": mask, SHAPES: shapes}

    def _tokens(self, part: Sequence[str]) -> dict[str, Any]:
        """Texts as the inputs of the text tower; what is longer than the context is cut."""
        made = self._tokenizer(
            [self._cased(text) for text in part],
            padding="max_length" if self._family.full else True,
            max_length=self.context_length,
            truncation=True,
            return_tensors="pt",
        )
        read = {"input_ids", "token_type_ids", *(("attention_mask",) if self._family.masked else ())}
        return {name: value.to(self.device) for name, value in made.items() if name in read}

    def _cased(self, text: str) -> str:
        return text.lower() if self._family.lower else text

    def _encode(
        self, given: Sequence[Any], inputs: Callable[[Any], dict[str, Any]], tower: Callable[..., Any]
    ) -> NDArray[np.float32]:
        """What ``tower`` gives, a batch at a time, each vector of length 1."""
        import numpy as np
        import torch

        parts = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(given), self.batch_size):
            with torch.inference_mode():
                found = tower(**inputs(given[start : start + self.batch_size]))
                features = getattr(found, "pooler_output", found).float()
                parts.append((features / features.norm(dim=-1, keepdim=True)).cpu().numpy())
        return np.concatenate(parts)

    def _measure(self) -> int:
        """d, from one short text."""
        import torch

        with torch.inference_mode():
            found = self._model.get_text_features(**self._tokens(["a"]))
        return int(getattr(found, "pooler_output", found).shape[-1])
