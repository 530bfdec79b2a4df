"""The next token of many prompts in one forward pass; what the prompts share is read once."""

from __future__ import annotations

from typing import Any

from .loading import Loaded

SHARED = 16  # tokens; a shorter beginning is not worth a pass of its own


def next_token(loaded: Loaded, inputs: Any) -> Any:
    """(n, vocabulary) probabilities, float32, of prompts that are padded on the left."""
    inputs = inputs.to(loaded.model.device)
    logits = None
    if loaded.sort == "text" and len(inputs["input_ids"]) > 1:
        logits = _behind_shared(loaded.model, inputs["input_ids"], inputs["attention_mask"])
    if logits is None:
        logits = loaded.model(**inputs, logits_to_keep=1).logits[:, -1]
    return logits.float().softmax(-1).cpu()


def _behind_shared(model: Any, ids: Any, mask: Any) -> Any:
    """The logits, the common beginning of all prompts read once; None where that cannot be done."""
    import torch
    from transformers import DynamicCache

    rows = [row[kept.bool()] for row, kept in zip(ids, mask, strict=True)]
    shortest = min(len(row) for row in rows) - 1  # something must be left to read
    first = rows[0][:shortest]
    same = torch.stack([row[:shortest] == first for row in rows]).all(0)
    shared = int(same.long().cumprod(0).sum())
    if shared < SHARED:
        return None
    cache = model(input_ids=first[None, :shared], use_cache=True, logits_to_keep=1).past_key_values
    if type(cache) is not DynamicCache or not all(_whole(layer) for layer in cache.layers):
        return None  # what it keeps is no plain list of all tokens (a window, a state)
    cache.batch_repeat_interleave(len(rows))
    rest = [row[shared:] for row in rows]
    longest = max(len(row) for row in rest)
    behind = torch.zeros((len(rows), longest), dtype=ids.dtype, device=ids.device)
    read = torch.ones((len(rows), shared + longest), dtype=mask.dtype, device=mask.device)
    for place, row in enumerate(rest):
        behind[place, : len(row)] = row
        read[place, shared + len(row) :] = 0
    hidden = model(input_ids=behind, attention_mask=read, past_key_values=cache).logits
    ends = torch.tensor([len(row) - 1 for row in rest], device=hidden.device)
    return hidden[torch.arange(len(rows), device=hidden.device), ends]


def _whole(layer: Any) -> bool:
    from transformers.cache_utils import DynamicLayer

    return type(layer) is DynamicLayer
