"""Encoders of the open_clip library: hub names with a pretrained tag, or local model folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline import models
from pipeline.devices import choose_device, choose_dtype
from pipeline.encoders.contract import EncoderSpec
from pipeline.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


class OpenClipEncoder:
    """One open_clip model, cast to the dtype that this device multiplies fastest."""

    def __init__(self, spec: EncoderSpec) -> None:
        import open_clip

        folder = models.local_folder(spec.model)
        self.device = choose_device(spec.device)
        self.dtype = choose_dtype(spec.dtype, self.device)
        name = f"local-dir:{folder}" if folder else spec.model
        model, self._transforms = _load(name, None if folder else spec.pretrained)
        self.fingerprint = models.fingerprint(folder) if folder else _state_hash(model)
        self._model = model.to(device=self.device, dtype=self.dtype).eval()
        self._tokenizer = open_clip.get_tokenizer(name)
        config = open_clip.get_model_preprocess_cfg(model)
        self.name = f"open_clip {spec.model}" + (f" {spec.pretrained}" if spec.pretrained else "")
        self.preprocessing = json.dumps(config, sort_keys=True)
        size = config["size"]
        self.image_size = int(size if isinstance(size, int) else min(size))
        # Twice the model's side: bicubic from there is within 1e-3 of bicubic from the full picture.
        self.draft_size = 2 * self.image_size
        self.context_length = int(getattr(model, "context_length", 77))
        self.batch_size = spec.batch_size
        self._mean, self._std = config["mean"], config["std"]
        self.dimension = int(self.encode_texts([""]).shape[1])

    def prepare(self, image: Image) -> NDArray[Any]:
        """(size, size, 3) uint8: the model's own resize and crop; scaling is left to the batch."""
        import numpy as np

        for transform in self._transforms:
            image = transform(image)
        return np.asarray(image)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows."""
        import numpy as np
        import torch

        parts = []
        for start in range(0, len(batch), self.batch_size):
            stacked = torch.from_numpy(np.stack(batch[start : start + self.batch_size]))
            pixels = stacked.to(self.device).permute(0, 3, 1, 2).float() / 255
            mean = torch.tensor(self._mean, device=self.device)[:, None, None]
            std = torch.tensor(self._std, device=self.device)[:, None, None]
            pixels = ((pixels - mean) / std).to(self.dtype)
            with torch.inference_mode():
                parts.append(self._unit(self._model.encode_image(pixels)))
        return np.concatenate(parts)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows."""
        import numpy as np
        import torch

        parts = []
        for start in range(0, len(texts), self.batch_size):
            tokens = self._tokenizer(
                list(texts[start : start + self.batch_size]), self.context_length
            )
            with torch.inference_mode():
                parts.append(self._unit(self._model.encode_text(tokens.to(self.device))))
        return np.concatenate(parts)

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has, start and end included."""
        if hasattr(self._tokenizer, "encode"):
            return len(self._tokenizer.encode(text)) + 2
        return len(self._tokenizer.tokenizer(text)["input_ids"])

    def _unit(self, features: Any) -> NDArray[np.float32]:
        features = features.float()
        unit: NDArray[np.float32] = (features / features.norm(dim=-1, keepdim=True)).cpu().numpy()
        return unit


def _load(name: str, pretrained: str | None) -> tuple[Any, list[Any]]:
    """The model and its evaluation transforms up to the crop. Raises ModelError."""
    import open_clip

    try:
        model, _, preprocess = open_clip.create_model_and_transforms(name, pretrained=pretrained)
    except (OSError, RuntimeError, ValueError) as problem:
        what = f"{name} {pretrained}" if pretrained else name
        first = str(problem).strip().splitlines()[0][:160]
        raise ModelError(
            f"cannot load the encoder {what}: {first}",
            "run once with a network, or use --profile pocket",
        ) from problem
    tensors = ("ToTensor", "MaybeToTensor", "Normalize")
    kept = [t for t in preprocess.transforms if type(t).__name__ not in tensors]
    return model, kept


def _state_hash(model: Any) -> str:
    """SHA-256 over names and values of all weights."""
    import torch

    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
