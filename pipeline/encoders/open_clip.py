"""Encoders of the open_clip library: hub names with a pretrained tag, or local model folders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, ModelError, did_you_mean
from ..machine import foreign, models
from ..machine.devices import choose_device, choose_dtype
from . import dense
from .contract import EncoderSpec
from .preparing import Preparing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from ...indexes.contract import Box


class OpenClipEncoder:
    """One open_clip model, cast to the dtype that this device multiplies fastest."""

    documents_differ = False

    def __init__(self, spec: EncoderSpec) -> None:
        import open_clip

        folder = models.local_folder(spec.model)
        self.device = choose_device(spec.device)
        self.dtype = choose_dtype(spec.dtype, self.device)
        name = f"local-dir:{folder}" if folder else spec.model
        if not folder:
            _check_named(spec)
        model, self._tokenizer = _load(name, None if folder else spec.pretrained)
        self.fingerprint = models.encoder_fingerprint(folder) if folder else state_hash(model)
        self._model = model.to(device=self.device, dtype=self.dtype).eval()
        config = open_clip.get_model_preprocess_cfg(model)
        self.name = f"open_clip {spec.model}" + (f" {spec.pretrained}" if spec.pretrained else "")
        self.preprocessing = json.dumps(config, sort_keys=True)
        self.preparing = Preparing.of(config)
        self.image_size = min(self.preparing.size)
        self.draft_size = self.preparing.draft_size
        self.context_length = int(getattr(model, "context_length", 77))
        self.batch_size = spec.batch_size
        self._mean, self._std = config["mean"], config["std"]
        self.dimension = self._measure()

    def prepare(self, image: Image) -> NDArray[Any]:
        """(size, size, 3) uint8: the model's own resize and crop; scaling is left to the batch."""
        return self.preparing.prepare(image)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows."""
        return self._encode(batch, self.batch_size, self._model.encode_image, self._none())

    @property
    def region_boxes(self) -> tuple[Box, ...]:
        """The parts that its tower tells of, see ``dense``; none where it has no such."""
        return dense.boxes_of(self._model.visual)

    def prepare_regions(self, image: Image) -> NDArray[Any]:
        """(4, size, size, 3) uint8: four tiles, prepared as a picture is."""
        return self.preparing.prepare_regions(image)

    def encode_regions(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, R, d) float32, each of length 1."""
        import numpy as np

        tiles = [tile for picture in batch for tile in picture]
        each = dense.TILES**2  # those of a picture stay together
        none = np.empty((0, len(self.region_boxes), self.dimension), np.float32)
        tower = partial(dense.features, self._model.visual)
        return self._encode(tiles, each * max(1, self.batch_size // each), tower, none)

    def _encode(
        self, batch: Sequence[NDArray[Any]], step: int, tower: Callable[[Any], Any], none: NDArray[Any]
    ) -> NDArray[np.float32]:
        """What ``tower`` gives prepared pictures, ``step`` at a time, each vector of length 1."""
        import numpy as np
        import torch

        parts = [none]
        for start in range(0, len(batch), step):
            stacked = torch.from_numpy(np.stack(batch[start : start + step]))
            pixels = stacked.to(self.device).permute(0, 3, 1, 2).float() / 255
            mean = torch.tensor(self._mean, device=self.device)[:, None, None]
            std = torch.tensor(self._std, device=self.device)[:, None, None]
            with torch.inference_mode():
                parts.append(self._unit(tower(((pixels - mean) / std).to(self.dtype))))
        return np.concatenate(parts)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows."""
        import numpy as np
        import torch

        parts = [self._none()]
        for start in range(0, len(texts), self.batch_size):
            tokens = self._tokenizer(list(texts[start : start + self.batch_size]), self.context_length)
            with torch.inference_mode():
                parts.append(self._unit(self._model.encode_text(tokens.to(self.device))))
        return np.concatenate(parts)

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has, start and end included."""
        if hasattr(self._tokenizer, "encode"):
            return len(self._tokenizer.encode(text)) + 2
        return len(self._tokenizer.tokenizer(text)["input_ids"])

    def _measure(self) -> int:
        """d, from one empty text."""
        import torch

        with torch.inference_mode():
            tokens = self._tokenizer([""], self.context_length).to(self.device)
            return int(self._model.encode_text(tokens).shape[1])

    def _none(self) -> NDArray[np.float32]:
        """(0, d): what an empty batch gives."""
        import numpy as np

        return np.empty((0, self.dimension), np.float32)

    def _unit(self, features: Any) -> NDArray[np.float32]:
        features = features.float()
        unit: NDArray[np.float32] = (features / features.norm(dim=-1, keepdim=True)).cpu().numpy()
        return unit


def _check_named(spec: EncoderSpec) -> None:
    """A plain name needs a pretrained tag: without one its weights would be random.

    Raises ConfigError.
    """
    import open_clip

    if spec.model.startswith("hf-hub:"):
        return
    if spec.model not in open_clip.list_models():
        raise ConfigError(
            f"no encoder model {spec.model!r}", did_you_mean(spec.model, open_clip.list_models())
        )
    tags = open_clip.list_pretrained_tags_by_model(spec.model)
    if not spec.pretrained:
        raise ConfigError(f"encoder {spec.model} needs a pretrained tag", "known: " + ", ".join(tags))
    if not open_clip.is_pretrained_cfg(spec.model, spec.pretrained):
        raise ConfigError(
            f"encoder {spec.model} has no weights {spec.pretrained!r}", did_you_mean(spec.pretrained, tags)
        )
    _check_activation(spec.model, spec.pretrained)


def _check_activation(model: str, tag: str) -> None:
    """Weights give other vectors, without a word, under another activation than they were trained with.

    Raises ConfigError naming the config that fits. (A config for QuickGELU has tags of its own.)
    """
    import open_clip

    trained = open_clip.get_pretrained_cfg(model, tag).get("quick_gelu", False)
    if trained and not (open_clip.get_model_config(model) or {}).get("quick_gelu", False):
        raise ConfigError(
            f"the weights {tag} of {model} were trained with QuickGELU, which it does not have",
            f'model = "{model}-quickgelu" in the profile does',
        )


def _load(name: str, pretrained: str | None) -> tuple[Any, Any]:
    """The model and its tokenizer. Raises ModelError."""
    import open_clip
    from safetensors import SafetensorError

    damage = (OSError, RuntimeError, ValueError, KeyError, TypeError, SafetensorError)
    foreign.never_ask()
    try:
        model = open_clip.create_model(name, pretrained=pretrained, require_pretrained=True)
        tokenizer = open_clip.get_tokenizer(name)
    except damage as problem:
        if foreign.wants_to_run(problem):
            raise foreign.refused(name) from problem
        what = f"{name} {pretrained}" if pretrained else name
        lines = str(problem).strip().splitlines() or [type(problem).__name__]
        raise ModelError(
            f"cannot load the encoder {what}: {lines[0][:160]}",
            "check the folder; a hub model is fetched by running once with a network",
        ) from problem
    return model, tokenizer


def state_hash(model: Any) -> str:
    """SHA-256 over names and values of all weights."""
    import torch

    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def hub_name(model: str, pretrained: str | None) -> str:
    """The hub repository of a model, or of the tag ``pretrained`` of it."""
    name = model.removeprefix("hf-hub:")
    if not pretrained:
        return name
    import open_clip

    config = open_clip.get_pretrained_cfg(model, pretrained) or {}
    return str(config.get("hf_hub", "")).rstrip("/") or name
