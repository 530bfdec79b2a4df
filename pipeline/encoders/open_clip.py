"""Encoders of the open_clip library: names with a tag or a file of weights, folders, hub models."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from ...indexes.cores import side_by_side
from ..machine.devices import choose_device, choose_dtype
from . import dense
from .contract import EncoderSpec
from .open_clip_weights import load, source_of
from .preparing import Preparing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from ...indexes.contract import Box

A_LANE = 8  # pictures that are worth a core of their own


class OpenClipEncoder:
    """One open_clip model, cast to the dtype that this device multiplies fastest."""

    documents_differ = False

    def __init__(self, spec: EncoderSpec) -> None:
        import open_clip

        source = source_of(spec)
        self.device = choose_device(spec.device)
        self.dtype = choose_dtype(spec.dtype, self.device)
        model, self._tokenizer = load(source)
        self.fingerprint = source.fingerprint(model)
        self._model = model.to(device=self.device, dtype=self.dtype).eval()
        config = open_clip.get_model_preprocess_cfg(model)
        self.name = f"open_clip {spec.model}{source.label}"
        self.preprocessing = json.dumps(config, sort_keys=True)
        self.preparing = Preparing.of(config, self.device)
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
        return self._encode(batch, 1, self._model.encode_image, self._none())

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
        none = np.empty((0, len(self.region_boxes), self.dimension), np.float32)
        tower = partial(dense.features, self._model.visual)
        return self._encode(tiles, dense.TILES**2, tower, none)

    def _encode(
        self, batch: Sequence[NDArray[Any]], group: int, tower: Callable[[Any], Any], none: NDArray[Any]
    ) -> NDArray[np.float32]:
        """What ``tower`` gives prepared pictures, of length 1; each ``group`` of them stays together."""
        import torch

        def part(start: int) -> Any:
            return self._vectors(tower, self._stacked(batch[start : start + step]))

        if not len(batch):
            return none
        step = group * max(1, self.batch_size // group)
        threads = torch.get_num_threads() if self.device == "cpu" else 1
        if threads == 1 or len(batch) < A_LANE * threads:
            parts = [part(start) for start in range(0, len(batch), step)]
        else:
            step = min(step, group * ceil(len(batch) / threads / group))
            parts = side_by_side(part, range(0, len(batch), step), threads)
        vectors: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
        return vectors

    def _stacked(self, batch: Sequence[Any]) -> Any:
        """(n, h, w, 3) uint8 on the device, of arrays, or of tensors that may be there already."""
        import numpy as np
        import torch

        if any(isinstance(one, torch.Tensor) for one in batch):
            return torch.stack([torch.as_tensor(one).to(self.device) for one in batch])
        stacked = torch.from_numpy(np.stack(batch))
        if not self.device.startswith("cuda"):
            return stacked.to(self.device)
        return stacked.pin_memory().to(self.device, non_blocking=True)  # the batch before still computes

    def _vectors(self, tower: Callable[[Any], Any], stacked: Any) -> Any:
        """What ``tower`` gives (n, h, w, 3) uint8 pictures, each vector of length 1; on the device."""
        import torch

        pixels = stacked.permute(0, 3, 1, 2).float() / 255
        mean = torch.tensor(self._mean, device=self.device)[:, None, None]
        std = torch.tensor(self._std, device=self.device)[:, None, None]
        with torch.inference_mode():
            features = tower(((pixels - mean) / std).to(self.dtype)).float()
            return features / features.norm(dim=-1, keepdim=True)

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
