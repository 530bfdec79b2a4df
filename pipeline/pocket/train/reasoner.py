"""pocket-reasoner: a small Llama that learns the edit grammar from text alone."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from .. import captions, edits, world
from . import data, optim, words

LENGTH = 256
HOLDING = 0.3  # of the examples of training
SHAPE: dict[str, Any] = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 6,
    "max_position_embeddings": LENGTH,
    "tie_word_embeddings": True,
    "rope_theta": 10000.0,
}


def user_text(caption: str, modification: str) -> str:
    """The user message of the reason prompts."""
    return f"Caption: {caption}\nModification: {modification}"


def reply_text(edit: edits.Edit) -> str:
    """The right reply, in the key order of the schema."""
    intent = edits.intent_of(edit)
    return json.dumps(
        {
            "reasoning": intent.reasoning,
            "target_caption": intent.target_caption,
            "desired": list(intent.desired),
            "preserved": list(intent.preserved),
            "forbidden": list(intent.forbidden),
        }
    )


def example(
    rng: Random, *, seen_only: bool = True, two_kinds: float = 0.4, alike: float = 0.0, holding: float = 0.0
) -> tuple[str, str, edits.Edit]:
    """One (user message, reply, edit); three captions in ten are paraphrases.

    ``alike`` is the share of scenes whose two kinds are made to share attributes, ``holding`` the
    share of edits that hold already, a third of these beside a change.
    """
    scene = world.random_scene(rng, seen_only=seen_only, two_kinds=two_kinds)
    if len(scene.kinds) == 2 and rng.random() < alike:
        scene = _alike(scene, rng)
    edit = edits.random_edit(scene, rng, seen_only=seen_only)
    if holding and rng.random() < holding:
        edit = _held(edit, rng, seen_only) or edit
    scene = edit.before
    loose = rng.random() < 0.3
    caption = captions.paraphrase(scene, rng, 1.0) if loose else captions.canonical(scene)
    sentence = edit.sentence
    if rng.random() < 0.15:
        sentence += "."
    return user_text(caption, sentence), reply_text(edit), edit


def _held(edit: edits.Edit, rng: Random, seen_only: bool) -> edits.Edit | None:
    held = edits.holding(edit)
    if held is None or "+" in held.kind or rng.random() > 0.35:
        return held
    return edits.half_holding(held.after, rng, held=held, seen_only=seen_only) or held


def _alike(scene: world.Scene, rng: Random) -> world.Scene:
    """The scene with a second kind that takes over attributes of the first.

    Where both are "three small", only the noun tells which colour belongs to which: without many
    of these, the model copies by the words around and not by the noun.
    """
    first, second = scene.kinds
    for name in ("count", "size", "colour"):
        if rng.random() < 0.6:
            shared = replace(second, **{name: getattr(first, name)})
            if not world.is_unseen(shared.category, shared.colour):
                second = shared
    return replace(scene, kinds=(first, second))


def make_tokenizer() -> Any:
    """All words of 40,000 examples."""
    rng = Random(5)
    texts = (text for _ in range(40000) for text in example(rng, holding=HOLDING)[:2])
    return words.build_tokenizer(texts, chat=True, length=LENGTH)


def encode(tokenizer: Any, user: str, reply: str) -> tuple[list[int], int]:
    """Token ids of the whole exchange, and how many of them are the prompt."""
    chat = [{"role": "user", "content": user}]
    prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    head = tokenizer.encode(prompt, add_special_tokens=False)
    tail = tokenizer.encode(reply, add_special_tokens=False)
    return [*head, *tail, tokenizer.eos_token_id], len(head)


class Batches:
    """Makes padded (ids, labels) batches; examples of like length share one."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, rng: Random, count: int) -> list[tuple[Any, Any]]:
        """Eight batches of ``count`` examples, shortest first, then shuffled."""
        import numpy as np

        rows = sorted(
            (
                encode(self.tokenizer, *example(rng, two_kinds=0.75, alike=0.6, holding=HOLDING)[:2])
                for _ in range(count * 8)
            ),
            key=lambda row: len(row[0]),
        )
        batches = []
        for start in range(0, len(rows), count):
            part = rows[start : start + count]
            ids = np.full((count, len(part[-1][0])), self.tokenizer.pad_token_id, np.int64)
            labels = np.full_like(ids, -100)
            for index, (tokens, prompt) in enumerate(part):
                ids[index, : len(tokens)] = tokens
                labels[index, prompt : len(tokens)] = tokens[prompt:]
            batches.append((ids, labels))
        rng.shuffle(batches)
        return batches


def new_model(tokenizer: Any) -> Any:
    """An untrained pocket-reasoner in the dtype of training."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **SHAPE,
    )
    return LlamaForCausalLM(config).to(optim.training_dtype())


def train_reasoner(
    out: Path, examples: int, batch: int = 128, rate: float = 1.5e-3, resume: bool = False, seed: int = 21
) -> None:
    """Train on ``examples`` fresh examples, from nothing or from ``out``; save the folder ``out``.

    Another go on the same model needs another ``seed``, or it sees the same examples.
    """
    import torch

    optim.use_plain_attention()
    tokenizer = make_tokenizer()
    model = new_model(tokenizer)
    if resume:
        _take_over(model, tokenizer, out)
        rate /= 1.5
    steps = examples // batch
    adam = optim.MixedAdam(model.parameters(), rate, steps)
    stream = data.random_stream(Batches(tokenizer), batch, seed=seed)
    started, step = time.time(), 0
    while step < steps:
        for ids, labels in next(stream):
            logits = model(input_ids=torch.as_tensor(ids)).logits[:, :-1].float()
            targets = torch.as_tensor(labels)[:, 1:]
            loss: Any = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            loss.backward()
            adam.step()
            step += 1
            if step % 100 == 0:
                known = targets >= 0
                right = (logits.argmax(-1) == targets)[known].float().mean().item()
                seconds = time.time() - started
                print(
                    f"{step * batch} examples {seconds:.0f} s  loss {loss.item():.4f}  tokens {right:.4f}",
                    flush=True,
                )
            if step % 250 == 0 or step == steps:
                save(model, tokenizer, out)


def _take_over(model: Any, tokenizer: Any, folder: Path) -> None:
    """The weights of ``folder``; its rows of known words, wherever they stand, and new rows as drawn."""
    import torch
    from transformers import AutoTokenizer

    old, known = type(model).from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    weights, words_of_old = old.state_dict(), known.get_vocab()
    pairs = [(row, words_of_old[w]) for w, row in tokenizer.get_vocab().items() if w in words_of_old]
    new_rows, old_rows = (torch.tensor(rows) for rows in zip(*pairs, strict=True))
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        rows = model.state_dict()[name].detach().clone()
        rows[new_rows] = weights[name][old_rows].to(rows.dtype)
        weights[name] = rows
    model.load_state_dict(weights)


def save(model: Any, tokenizer: Any, out: Path) -> None:
    """Write the folder a stock transformers load reads; half the size in bfloat16."""
    import torch

    out.mkdir(parents=True, exist_ok=True)
    model.generation_config.max_new_tokens = 160
    deepcopy(model).to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
