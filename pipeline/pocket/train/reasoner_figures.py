"""How often the pocket-reasoner is right: over edits, and over edits that hold already."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from .. import captions, edits, world
from .reasoner import example

_COMPARES = re.compile(r"\b(smaller|larger|bigger|shrink|enlarge)\b")


def target_right(
    model: Any, tokenizer: Any, count: int, seed: int, *, pairs: str, two_kinds: float = 0.4
) -> dict[str, float]:
    """Shares of valid JSON and of right target captions over ``count`` unseen examples.

    ``pairs`` is "any" or "unseen" (edits with a held-out pair before or after, only).
    """
    rng = Random(seed)
    examples: list[tuple[str, edits.Edit]] = []
    while len(examples) < count:
        user, _, edit = example(rng, seen_only=False, two_kinds=two_kinds)
        if pairs == "any" or _has_unseen(edit):
            examples.append((user, edit))
    replies = _replies(model, tokenizer, [user for user, _ in examples])
    right = sum(_says(reply, edit) for reply, (_, edit) in zip(replies, examples, strict=True))
    valid = sum(reply is not None for reply in replies)
    return {"valid JSON": valid / count, "target right": right / count}


def holding_right(model: Any, tokenizer: Any, count: int, seed: int) -> dict[str, float]:
    """Shares of edits that hold already and that the reply leaves alone, over all and by kind.

    ``count`` single edits of each kind. "Larger" of what is large is left out: it asks for a change.
    """
    rng = Random(seed)
    wanted = dict.fromkeys(edits.MAKERS, count)
    examples: list[tuple[str, edits.Edit]] = []
    while any(wanted.values()):
        user, _, edit = example(rng, seen_only=False, holding=1.0)
        if edit.before == edit.after and wanted.get(edit.kind) and not _COMPARES.search(user):
            wanted[edit.kind] -= 1
            examples.append((user, edit))
    replies = _replies(model, tokenizer, [user for user, _ in examples])
    shares: dict[str, float] = dict.fromkeys(("an edit that holds", *edits.MAKERS), 0.0)
    for reply, (_, edit) in zip(replies, examples, strict=True):
        alone = _says(reply, edit) and not (reply or {}).get("forbidden")
        shares["an edit that holds"] += alone / len(examples)
        shares[edit.kind] += alone / count
    return shares


def _replies(model: Any, tokenizer: Any, users: list[str]) -> list[dict[str, Any] | None]:
    """The model's reply to each user message; None where it is no JSON."""
    import torch

    tokenizer.padding_side = "left"
    replies: list[dict[str, Any] | None] = []
    for start in range(0, len(users), 64):
        chats = [[{"role": "user", "content": user}] for user in users[start : start + 64]]
        texts = tokenizer.apply_chat_template(chats, add_generation_prompt=True, tokenize=False)
        inputs = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            outputs = model.generate(**inputs, do_sample=False, max_new_tokens=160)
        for row in outputs[:, inputs["input_ids"].shape[1] :]:
            try:
                replies.append(json.loads(tokenizer.decode(row, skip_special_tokens=True)))
            except json.JSONDecodeError:
                replies.append(None)
    return replies


def _says(reply: dict[str, Any] | None, edit: edits.Edit) -> bool:
    return (reply or {}).get("target_caption") == captions.canonical(edit.after)


def _has_unseen(edit: edits.Edit) -> bool:
    kinds = (*edit.before.kinds, *edit.after.kinds)
    return any(world.is_unseen(kind.category, kind.colour) for kind in kinds)
