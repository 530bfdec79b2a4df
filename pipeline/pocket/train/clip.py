"""pocket-clip: phase two, image and text towers meet on (image, caption) pairs.

First the text tower learns against the warmed-up image tower, then both move together. Half of
a batch are hard negatives that share setting, time and style, or everything but a category; equal
captions are all positives.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from random import Random
from typing import Any

from .. import captions, world
from . import data, optim
from .tower import EMBED_DIM, IMAGE_TOWER, MEAN, STD, TEXT_TOWER, new_clip, normalise

WEIGHTS = "open_clip_model.safetensors"
GROUP = 16
# Pictures that go through a tower together: more no longer fit the processor's cache, and train slower.
PART = 64
# Shares of pictures in shades without a name, and in grey: their captions name no colour, and a
# shape must be known in colours it was never seen in.
ODD, GREY = 0.4, 0.2


def training_caption(scene: world.Scene, rng: Random) -> str:
    """Mostly dense, sometimes canonical, sometimes only a word or two."""
    if rng.random() < 0.25:
        return captions.canonical(scene)
    return captions.paraphrase(scene, rng, rng.random() ** 0.6)


def make_batch(rng: Random, count: int) -> tuple[Any, list[str]]:
    """Pixels and captions; half by lot, half in groups that differ in little."""
    import numpy as np

    scenes = [world.random_scene(rng, seen_only=True) for _ in range(count // 2)]
    while len(scenes) < count:
        scenes += data.same_backdrop(rng, GROUP, two_kinds=0.35)
        scenes += data.other_categories(rng, GROUP)
    scenes = [data.odd_shades(scene, rng) if rng.random() < ODD else scene for scene in scenes[:count]]
    pixels = np.stack([data.pixels(scene, rng.getrandbits(31)) for scene in scenes])
    texts = [training_caption(scene, rng) for scene in scenes]
    for index, scene in enumerate(scenes):
        odd = scene.kinds[0].colour not in world.COLOURS
        if not odd and rng.random() < GREY:
            pixels[index] = pixels[index].mean(0, keepdims=True).astype(np.uint8)
            odd = True
        if odd:
            texts[index] = without_colours(texts[index])
    return pixels, texts


def without_colours(caption: str) -> str:
    """The caption of a picture in grey or in odd shades."""
    words = [word for word in caption.split() if word not in world.COLOURS and not word.startswith("#")]
    for index, word in enumerate(words[:-1]):
        if word in ("a", "an"):
            words[index] = "an" if words[index + 1][0] in "aeiou" else "a"
    return " ".join(words) or "a picture"


class SmallVocabulary:
    """Train only the rows of the 49,408-word table that our captions use.

    ``compact`` maps open_clip's token ids to rows of a small table; ``expand`` writes the
    small table back, unseen rows at the mean of the seen ones.
    """

    def __init__(self, tokenizer: Any, rng: Random) -> None:
        import torch

        texts = [training_caption(world.random_scene(rng), rng) for _ in range(30000)]
        self.tokenizer = tokenizer
        self.known = torch.unique(tokenizer(texts, context_length=int(TEXT_TOWER["context_length"])))
        self.row = torch.zeros(int(TEXT_TOWER["vocab_size"]), dtype=torch.long)
        self.row[self.known] = torch.arange(len(self.known))

    def compact(self, texts: list[str]) -> Any:
        """(n, context) rows of the small table."""
        return self.row[self.tokenizer(texts, context_length=int(TEXT_TOWER["context_length"]))]

    def shrink(self, model: Any) -> None:
        """Replace the model's table by its known rows."""
        from torch import nn

        rows = model.token_embedding.weight.detach()[self.known].clone()
        model.token_embedding = nn.Embedding(*rows.shape)
        model.token_embedding.weight.data = rows

    def expand(self, state: dict[str, Any]) -> dict[str, Any]:
        """The state with the full table."""
        small = state["token_embedding.weight"]
        table = small.mean(0, keepdim=True).repeat(int(TEXT_TOWER["vocab_size"]), 1)
        table[self.known] = small
        return {**state, "token_embedding.weight": table}


def contrastive_loss(image: Any, text: Any, scale: Any, captions_: list[str]) -> Any:
    """InfoNCE both ways (CLIP, Radford et al. 2021, fig. 3); equal captions share the target."""
    import torch
    from torch.nn import functional

    numbers: dict[str, int] = {}
    ids = torch.tensor([numbers.setdefault(caption, len(numbers)) for caption in captions_])
    same = (ids[:, None] == ids[None, :]).float()
    targets = same / same.sum(1, keepdim=True)
    logits = scale.float().exp().clamp(max=100) * image.float() @ text.float().T
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)) / 2


def in_parts(encode: Any, inputs: Any) -> Any:
    """(n, d) unit rows, ``PART`` inputs at a time."""
    import torch

    return torch.cat([encode(part, normalize=True) for part in inputs.split(PART)])


def train_clip(
    folder: Path, out: Path, images: int, batch: int = 256, rate: float = 8e-4, resume: bool = False
) -> None:
    """Start from ``folder/tower.safetensors``, or go on from ``out``; save the open_clip folder.

    Going on moves the image tower alone: the words are settled, and it takes half the time.
    """
    import open_clip
    import torch
    from safetensors.torch import load_file

    optim.use_plain_attention()
    model: Any = new_clip()
    if resume:
        model.load_state_dict(load_file(out / WEIGHTS))
    else:
        model.visual.load_state_dict(load_file(folder / "tower.safetensors"))
    model.visual.output_tokens = False
    vocabulary = SmallVocabulary(open_clip.SimpleTokenizer(), Random(7))
    vocabulary.shrink(model)
    model = model.to(optim.training_dtype()).requires_grad_(not resume)
    model.visual.requires_grad_(True)
    steps = images // batch
    adam = optim.MixedAdam(model.parameters(), rate / 2 if resume else rate, steps)
    stream = data.random_stream(make_batch, batch, seed=32 if resume else 31)

    frozen_until = 0 if resume else steps // 8
    started = time.time()
    for step in range(1, steps + 1):
        pixels, texts = next(stream)
        with torch.set_grad_enabled(step > frozen_until):
            image = in_parts(model.encode_image, normalise(torch.as_tensor(pixels)))
        text = in_parts(model.encode_text, vocabulary.compact(texts))
        loss = contrastive_loss(image, text, model.logit_scale, texts)
        loss.backward()
        adam.step()
        if step % 25 == 0:
            best = (image.detach() @ text.detach().T).argmax(1)
            hit = (best == torch.arange(batch)).float().mean().item()
            seconds = time.time() - started
            print(
                f"{step * batch} images {seconds:.0f} s  loss {loss.item():.3f}  hit {hit:.3f}", flush=True
            )
        if step % 250 == 0 or step == steps:
            state = {name: value.detach().float() for name, value in model.state_dict().items()}
            save(vocabulary.expand(state), out)


def save(state: dict[str, Any], out: Path) -> None:
    """Write open_clip's local folder: config and half-precision weights."""
    import torch
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    vision = {key: value for key, value in IMAGE_TOWER.items() if key != "output_tokens"}
    config = {
        "model_cfg": {"embed_dim": EMBED_DIM, "vision_cfg": vision, "text_cfg": TEXT_TOWER},
        "preprocess_cfg": {
            "size": [data.PIXELS, data.PIXELS],
            "mode": "RGB",
            "mean": [MEAN] * 3,
            "std": [STD] * 3,
            "interpolation": "bicubic",
            "resize_mode": "shortest",
        },
    }
    (out / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    halves = {name: value.to(torch.float16).contiguous() for name, value in state.items()}
    save_file(halves, out / WEIGHTS)
