"""pocket-captioner: a small GIT (Wang et al. 2022) that starts from pocket-clip's image tower."""

from __future__ import annotations

import time
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

from .. import captions, world
from . import data, optim, words
from .tower import IMAGE_TOWER, MEAN, STD, normalise

LENGTH = 48
DECODER: dict[str, Any] = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "max_position_embeddings": LENGTH,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "layer_norm_eps": 1e-5,
}


def make_tokenizer() -> Any:
    """All words of 5,000 canonical captions."""
    rng = Random(6)
    texts = [captions.canonical(world.random_scene(rng)) for _ in range(5000)]
    return words.build_tokenizer(texts, chat=False, length=LENGTH)


def make_batch(rng: Random, count: int) -> tuple[Any, list[str]]:
    """Pixels and canonical captions; half the scenes have two kinds."""
    import numpy as np

    scenes = [world.random_scene(rng, seen_only=True, two_kinds=0.5) for _ in range(count)]
    pixels = np.stack([data.pixels(scene, rng.getrandbits(31)) for scene in scenes])
    return pixels, [captions.canonical(scene) for scene in scenes]


def git_vision_state(state: dict[str, Any]) -> dict[str, Any]:
    """An open_clip image tower under GIT's names."""
    plain = {
        "class_embedding": "embeddings.class_embedding",
        "positional_embedding": "embeddings.position_embedding.weight",
        "conv1.weight": "embeddings.patch_embedding.weight",
        "ln_pre.": "pre_layrnorm.",
        "ln_post.": "post_layernorm.",
        "transformer.resblocks.": "encoder.layers.",
        ".attn.out_proj.": ".self_attn.out_proj.",
        ".ln_1.": ".layer_norm1.",
        ".ln_2.": ".layer_norm2.",
        ".mlp.c_fc.": ".mlp.fc1.",
        ".mlp.c_proj.": ".mlp.fc2.",
    }
    renamed: dict[str, Any] = {}
    for name, value in state.items():
        for old, new in plain.items():
            name = name.replace(old, new)
        if ".attn.in_proj_" in name:
            for part, piece in zip("qkv", value.chunk(3), strict=True):
                renamed[name.replace(".attn.in_proj_", f".self_attn.{part}_proj.")] = piece
        elif name != "proj":
            renamed[name] = value
    return renamed


def new_model(tokenizer: Any, tower: dict[str, Any]) -> Any:
    """A GIT with the given image tower and an untrained decoder, in the dtype of training."""
    import torch
    from transformers import GitConfig, GitForCausalLM

    torch.manual_seed(0)
    width = int(IMAGE_TOWER["width"])
    config = GitConfig(
        vision_config={
            "hidden_size": width,
            "intermediate_size": int(width * float(IMAGE_TOWER["mlp_ratio"])),
            "num_hidden_layers": IMAGE_TOWER["layers"],
            "num_attention_heads": width // int(IMAGE_TOWER["head_width"]),
            "image_size": data.PIXELS,
            "patch_size": data.PATCH,
            "hidden_act": "gelu",
        },
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **DECODER,
    )
    model = GitForCausalLM(config)
    model.git.image_encoder.vision_model.load_state_dict(git_vision_state(tower))
    return model.to(optim.training_dtype())


def encode(tokenizer: Any, texts: list[str]) -> tuple[Any, Any]:
    """Padded ids with bos and eos, and labels that leave the padding out."""
    import torch

    rows = [
        [tokenizer.bos_token_id, *tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
        for text in texts
    ]
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
    return ids, ids.masked_fill(ids == tokenizer.pad_token_id, -100)


def train_captioner(folder: Path, out: Path, images: int, batch: int = 128, rate: float = 8e-4) -> None:
    """Train on ``images`` fresh pictures; the image tower joins after a third of the way."""
    import torch
    from safetensors.torch import load_file

    optim.use_plain_attention()
    tokenizer = make_tokenizer()
    model = new_model(tokenizer, load_file(folder / "tower.safetensors"))
    steps = images // batch
    adam = optim.MixedAdam(model.parameters(), rate, steps)
    stream = data.random_stream(make_batch, batch, seed=41)
    started = time.time()
    for step in range(1, steps + 1):
        pixels, texts = next(stream)
        ids, labels = encode(tokenizer, texts)
        model.git.image_encoder.requires_grad_(step > steps // 3)
        output = model(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=normalise(torch.as_tensor(pixels)),
        )
        logits = output.logits[:, -ids.shape[1] : -1].float()
        targets = labels[:, 1:]
        loss: Any = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        adam.step()
        if step % 50 == 0:
            right = ((logits.argmax(-1) == targets) | (targets < 0)).all(1).float().mean().item()
            seconds = time.time() - started
            print(
                f"{step * batch} images {seconds:.0f} s  loss {loss.item():.4f}  all right {right:.3f}",
                flush=True,
            )
        if step % 400 == 0 or step == steps:
            save(model, tokenizer, out)


def save(model: Any, tokenizer: Any, out: Path) -> None:
    """Write the folder a stock transformers load reads: model, tokenizer, image processor."""
    import torch
    from transformers import CLIPImageProcessor, GitProcessor

    out.mkdir(parents=True, exist_ok=True)
    model.generation_config.max_new_tokens = 40
    deepcopy(model).to(torch.bfloat16).save_pretrained(out)
    processor = CLIPImageProcessor(
        size={"shortest_edge": data.PIXELS},
        crop_size={"height": data.PIXELS, "width": data.PIXELS},
        image_mean=[MEAN] * 3,
        image_std=[STD] * 3,
    )
    GitProcessor(processor, tokenizer).save_pretrained(out)
