"""The next token of many prompts, no word written; what prompts share is read once.

Prompts that begin alike are read together: those of one query behind all that is said of it, and not
only behind the few words that are common to the prompts of several queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

from .loading import Loaded

PASS = 16  # tokens that a pass through the model costs beside those that it reads
Row = list[int]  # the token ids of one prompt


def next_token(loaded: Loaded, inputs: Any) -> Any:
    """(n, vocabulary) probabilities, float32, of prompts that are padded on the left."""
    inputs = inputs.to(loaded.model.device)
    logits = None
    if loaded.sort == "text" and len(inputs["input_ids"]) > 1:
        logits = _in_groups(loaded.model, inputs)
    if logits is None:
        logits = loaded.model(**inputs, logits_to_keep=1).logits[:, -1]
    return logits.float().softmax(-1).cpu()


def grouped(rows: Sequence[Row]) -> list[list[int]]:
    """Places of prompts, those together whose shared beginning is read once.

    Of all ways to part the sorted prompts where neighbours share less than some length, the one
    with the fewest tokens to read.
    """
    order = sorted(range(len(rows)), key=lambda place: rows[place])
    alike = [_alike(rows[one], rows[other]) for one, other in pairwise(order)]

    def parted(least: int) -> list[list[int]]:
        groups = [[order[0]]]
        for length, place in zip(alike, order[1:], strict=True):
            if length < least:
                groups.append([])
            groups[-1].append(place)
        return groups

    ways = [parted(least) for least in sorted({0, *alike})]
    return min(ways, key=lambda way: sum(_cost([rows[place] for place in group]) for group in way))


def shared_length(rows: Sequence[Row]) -> int:
    """How many tokens all of the prompts begin with, each with one left; 0 where it saves nothing."""
    same = _alike(min(rows), max(rows))  # what these two share, all between them share
    same = min(same, min(len(row) for row in rows) - 1)
    return same if same * (len(rows) - 1) > PASS else 0


def of_like_length(lengths: Sequence[int]) -> list[list[int]]:
    """Places by falling length, in parts that are padded little: less than another pass would cost."""
    parts: list[list[int]] = []
    padding = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        padding += lengths[parts[-1][0]] - lengths[place] if parts else 0
        if not parts or padding > PASS:
            parts.append([])
            padding = 0
        parts[-1].append(place)
    return parts


def _alike(one: Row, other: Row) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cost(rows: Sequence[Row]) -> int:
    shared = shared_length(rows)
    return shared + sum(len(row) - shared for row in rows) + PASS * (2 if shared else 1)


def _in_groups(model: Any, inputs: Any) -> Any:
    """The logits, group by group; None where no beginning is shared, or what is read cannot be kept."""
    import torch

    masked = zip(inputs["input_ids"], inputs["attention_mask"], strict=True)
    rows = [row[kept.bool()].tolist() for row, kept in masked]
    groups = grouped(rows)
    if not any(shared_length([rows[place] for place in group]) for group in groups):
        return None
    found: dict[int, Any] = {}
    for group in groups:
        of_group = [rows[place] for place in group]
        shared = shared_length(of_group)
        kept = _kept(model, of_group[0][:shared])
        if shared and kept is None:
            return None
        tails = [row[shared:] for row in of_group]
        for part in of_like_length([len(tail) for tail in tails]):
            logits = _behind(model, kept, shared, [tails[place] for place in part])
            found |= {group[place]: row for place, row in zip(part, logits, strict=True)}
    return torch.stack([found[place] for place in range(len(rows))])


def _kept(model: Any, ids: Row) -> Any:
    """What the model keeps of a beginning; None where that is no plain list of all tokens."""
    import torch
    from transformers import DynamicCache

    if not ids:
        return None
    first = torch.tensor([ids], device=model.device)
    cache = model(input_ids=first, use_cache=True, logits_to_keep=1).past_key_values
    plain = type(cache) is DynamicCache and all(_whole(layer) for layer in cache.layers)
    return cache if plain else None  # others keep a window or a state


def _behind(model: Any, kept: Any, shared: int, tails: Sequence[Row]) -> Any:
    """(n, vocabulary) logits after each of the ``tails`` behind the ``shared`` tokens that are kept."""
    import torch

    device, options = model.device, {}
    if kept is not None:
        options["past_key_values"] = cache = deepcopy(kept)
        cache.batch_repeat_interleave(len(tails))
    longest = max(len(tail) for tail in tails)
    behind = torch.zeros((len(tails), longest), dtype=torch.long, device=device)
    read = torch.ones((len(tails), shared + longest), dtype=torch.long, device=device)
    for place, tail in enumerate(tails):
        behind[place, : len(tail)] = torch.tensor(tail, device=device)
        read[place, shared + len(tail) :] = 0
    ends = torch.tensor([len(tail) - 1 for tail in tails], device=device)
    places, which = torch.unique(ends, return_inverse=True)  # all words are weighed there alone
    logits = model(input_ids=behind, attention_mask=read, logits_to_keep=places, **options).logits
    return logits[torch.arange(len(tails), device=device), which]


def _whole(layer: Any) -> bool:
    from transformers.cache_utils import DynamicLayer

    return type(layer) is DynamicLayer
