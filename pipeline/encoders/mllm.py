"""Embedders that are multimodal LLMs (GME, Qwen3-VL-Embedding, VLM2Vec on Qwen's architectures).

An instruction comes before what is embedded; the last token's hidden state, brought to length 1, is the
vector (Jiang et al., VLM2Vec, ICLR 2025; Zhang et al., GME, CVPR 2025). A picture and a sentence may come
together and are one vector then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from inspect import signature
from typing import TYPE_CHECKING, Any

from ..machine import models
from ..machine.devices import choose_device, choose_dtype
from .contract import EncoderSpec
from .loading import load
from .patches import Patches
from .said import KINDS, Said, check
from .state import state_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

LONGEST_TEXT = 8192


class MllmEncoder:
    """One embedder on Qwen2-VL, Qwen2.5-VL or Qwen3-VL; see `Said` for what a profile may say."""

    def __init__(self, spec: EncoderSpec) -> None:
        check(spec)
        folder = models.local_folder(spec.model)
        self.device = choose_device(spec.device)
        self.dtype = choose_dtype(spec.dtype, self.device)
        model, self._processor = load(str(folder or spec.model), spec.model, KINDS)
        weights = models.encoder_fingerprint(folder) if folder else state_hash(model)
        self._model = model.to(device=self.device, dtype=self.dtype).eval()
        self._says = Said(**spec.options)
        self.documents_differ = self._says.instruction != self._says.document
        self.fingerprint = hashlib.sha256(f"{weights} {self._says.identity}".encode()).hexdigest()
        self.preparing = Patches.of(self._processor.image_processor, self._says.max_pixels)
        self._tokenizer = self._processor.tokenizer
        self._image = self._tokenizer.convert_tokens_to_ids(self._processor.image_token)
        self.name = f"mllm {spec.model}"
        self.preprocessing = json.dumps(self.preparing.facts, sort_keys=True)
        self.draft_size = self.preparing.draft_size
        text = model.config.get_text_config()
        self.dimension = int(text.hidden_size)
        self.context_length = min(LONGEST_TEXT, int(text.max_position_embeddings) // 2)
        self.batch_size = spec.batch_size

    def prepare(self, image: Image) -> NDArray[Any]:
        """(patches + 1, values of a patch) uint8, see `Patches`.

        Raises ValueError for a picture that the model's processor refuses: 200 times longer than wide.
        """
        return self.preparing.prepare(image)

    def encode_prepared(self, batch: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows of pictures as what is searched."""
        return self._encode(self._says.document, batch, [""] * len(batch))

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows of what is asked."""
        return self._encode(self._says.instruction, None, texts)

    def encode_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows of texts as what is searched."""
        return self._encode(self._says.document, None, texts)

    def encode_composed(self, batch: Sequence[NDArray[Any]], texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32 unit rows of prepared pictures, each with its sentence, as what is asked."""
        return self._encode(self._says.instruction, batch, texts)

    def token_count(self, text: str) -> int:
        """How many tokens the text itself has."""
        return len(self._tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def _encode(
        self, instruction: str, pictures: Sequence[NDArray[Any]] | None, texts: Sequence[str]
    ) -> NDArray[np.float32]:
        import numpy as np
        import torch

        parts = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(texts), self.batch_size):
            these = slice(start, start + self.batch_size)
            with torch.inference_mode():
                shown = None if pictures is None else list(pictures[these])
                last = self._last(instruction, shown, texts[these]).float()
                parts.append((last / last.norm(dim=-1, keepdim=True)).cpu().numpy())
        return np.concatenate(parts)

    def _last(self, instruction: str, pictures: list[NDArray[Any]] | None, texts: Sequence[str]) -> Any:
        """(n, d): the hidden state of the last token of each.

        Padding stands on the right, where a token that looks back alone never sees it.
        """
        import torch

        written = [self._written(instruction, text, pictures is not None) for text in texts]
        inputs: dict[str, Any] = {}
        if pictures is not None:
            pixels, grids = self.preparing.unpacked(pictures)
            counts = [int(grid.prod()) // self.preparing.merged for grid in grids]
            mark = self._processor.image_token
            written = [line.replace(mark, mark * n) for line, n in zip(written, counts, strict=True)]
            inputs["pixel_values"] = torch.from_numpy(pixels).to(self.device, self.dtype)
            inputs["image_grid_thw"] = torch.from_numpy(grids).to(self.device)
        tokens = self._tokenizer(written, padding=True, padding_side="right", return_tensors="pt")
        ids, mask = tokens["input_ids"].to(self.device), tokens["attention_mask"].to(self.device)
        inputs |= {"input_ids": ids, "attention_mask": mask}
        if "mm_token_type_ids" in signature(self._model.forward).parameters:
            inputs["mm_token_type_ids"] = (ids == self._image).int()
        self._model.rope_deltas = None  # places of the call before are not ours
        hidden = self._model(**inputs, use_cache=False).last_hidden_state
        return hidden[torch.arange(len(ids), device=self.device), mask.sum(1) - 1]

    def _written(self, instruction: str, text: str, picture: bool) -> str:
        """What the model reads, a picture as its mark; marks in a person's words are words."""
        text = self._cut(self._plain(text))
        if not self._says.chat:
            parts = (self._processor.image_token if picture else "", instruction, text)
            return " ".join(part for part in parts if part) + self._says.ending
        shown = [{"type": "image"}] if picture else []
        said = [{"type": "text", "text": text}] if text or not picture else []
        chat = [
            {"role": "system", "content": [{"type": "text", "text": instruction}]},
            {"role": "user", "content": [*shown, *said]},
        ]
        line = self._processor.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return str(line) + self._says.ending

    def _plain(self, text: str) -> str:
        added = self._tokenizer.added_tokens_decoder.values()
        for mark in sorted((str(one.content) for one in added), key=len, reverse=True):
            if len(mark) > 1:
                text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text

    def _cut(self, text: str) -> str:
        """The beginning of a text that is longer than the context."""
        if len(text) <= self.context_length:  # no token is shorter than a byte
            return text
        ids = self._tokenizer(text, truncation=False, verbose=False)["input_ids"]
        return (
            text if len(ids) <= self.context_length else self._tokenizer.decode(ids[: self.context_length])
        )
