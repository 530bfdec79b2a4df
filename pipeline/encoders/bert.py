"""Sentence encoders of BERT's shape (all-MiniLM and its kind), loaded from a folder in a moment.

The same vectors as sentence-transformers gives, by torch's own transformer layers: importing that library
takes longer than all the rest of a query. Reimers and Gurevych 2019: the mean of the last layer's tokens,
of length 1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_LAYER = {  # torch's names of a layer's parts, and BERT's
    "self_attn.out_proj": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm2": "output.LayerNorm",
}
_IN = ("query", "key", "value")  # one matrix in torch


def sizes(folder: Path) -> tuple[int, int]:
    """The length of a vector and how many tokens are read, without loading anything. Raises ModelError."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        length = json.loads((folder / "sentence_bert_config.json").read_bytes())["max_seq_length"]
        return int(config["hidden_size"]), int(length)
    except (OSError, KeyError, ValueError) as problem:
        raise _other_kind(folder, problem) from problem


def _other_kind(folder: Path, problem: Exception) -> ModelError:
    return ModelError(f"{folder} holds no sentence encoder of BERT's shape: {problem}")


class Bert:
    """Texts as unit vectors by a folder with config.json, tokenizer.json and model.safetensors.

    Raises ModelError where the folder holds another kind of model.
    """

    def __init__(self, folder: Path, device: str) -> None:
        import torch
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        self.device = device
        self.dimension, self.context_length = sizes(folder)
        try:
            config = json.loads((folder / "config.json").read_bytes())
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            weights = load_file(str(folder / "model.safetensors"), device=device)
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            self._embed = _embeddings(weights)
            with torch.device("meta"):
                self._tower = _tower(config)
            self._tower.load_state_dict(_renamed(weights, config["num_hidden_layers"]), assign=True)
        except (OSError, KeyError, ValueError, RuntimeError) as problem:
            raise _other_kind(folder, problem) from problem
        self._tower.eval()

    def encode(self, texts: Sequence[str], batch_size: int = 64) -> NDArray[Any]:
        """(n, d) float32 unit rows; what is longer than the context is cut."""
        import numpy as np
        import torch

        rows = [np.empty((0, self.dimension), np.float32)]
        for start in range(0, len(texts), batch_size):
            ids = [self._ids(text) for text in texts[start : start + batch_size]]
            longest = max(map(len, ids))
            padded = torch.tensor([one + [0] * (longest - len(one)) for one in ids], device=self.device)
            void = torch.tensor(
                [[n >= len(one) for n in range(longest)] for one in ids], device=self.device
            )
            with torch.inference_mode():
                states = self._tower(self._embed(padded), src_key_padding_mask=void)
                summed = states.masked_fill(void[..., None], 0).sum(1)
                rows.append(torch.nn.functional.normalize(summed, dim=-1).cpu().numpy())
        return np.concatenate(rows)

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has, ends included."""
        return len(self._tokenizer.encode(text).ids)

    def _ids(self, text: str) -> list[int]:
        """The tokens of a text, the last of them the end even where it is cut."""
        ids: list[int] = self._tokenizer.encode(text).ids
        cut = len(ids) > self.context_length
        return [*ids[: self.context_length - 1], ids[-1]] if cut else ids


def _embeddings(weights: dict[str, torch.Tensor]) -> Any:
    """A function of (n, length) ids: words, places and the one kind of sentence, normalised."""
    import torch

    part = {
        key.removeprefix("embeddings."): value
        for key, value in weights.items()
        if key.startswith("embeddings.")
    }
    places, kind = part["position_embeddings.weight"], part["token_type_embeddings.weight"][0]
    norm = part["LayerNorm.weight"], part["LayerNorm.bias"]

    def embed(ids: torch.Tensor) -> torch.Tensor:
        summed = part["word_embeddings.weight"][ids] + places[: ids.shape[1]] + kind
        return torch.nn.functional.layer_norm(summed, kind.shape, *norm, eps=1e-12)

    return embed


def _tower(config: dict[str, Any]) -> torch.nn.Module:
    from torch import nn

    layer = nn.TransformerEncoderLayer(
        config["hidden_size"],
        config["num_attention_heads"],
        config["intermediate_size"],
        activation=config["hidden_act"],
        layer_norm_eps=config["layer_norm_eps"],
        batch_first=True,
    )
    return nn.TransformerEncoder(layer, config["num_hidden_layers"], enable_nested_tensor=False)


def _renamed(weights: dict[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """BERT's layers by the names of torch's."""
    import torch

    renamed = {}
    for number in range(layers):
        ours, theirs = f"layers.{number}", f"encoder.layer.{number}"
        for kind in ("weight", "bias"):
            parts = [weights[f"{theirs}.attention.self.{name}.{kind}"] for name in _IN]
            renamed[f"{ours}.self_attn.in_proj_{kind}"] = torch.cat(parts)
            for our, their in _LAYER.items():
                renamed[f"{ours}.{our}.{kind}"] = weights[f"{theirs}.{their}.{kind}"]
    return renamed
