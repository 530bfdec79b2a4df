"""Phase one of pocket-clip: the image tower learns attributes, on every patch and as a whole.

Contrastive training from nothing learns setting, time and style and then stops. A tower that
was told what stands on each patch has the objects after a few minutes.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from .. import world
from . import data, optim

if TYPE_CHECKING:
    import torch

IMAGE_TOWER = {
    "image_size": data.PIXELS,
    "patch_size": data.PATCH,
    "width": 192,
    "layers": 6,
    "head_width": 32,
    "mlp_ratio": 3.0,
    "output_tokens": True,
}
TEXT_TOWER = {"context_length": 64, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 4}
EMBED_DIM = 128
MEAN, STD = 0.5, 0.25


def new_clip() -> Any:
    """An untrained pocket-clip."""
    import torch
    from open_clip.model import CLIP

    torch.manual_seed(0)
    return CLIP(embed_dim=EMBED_DIM, vision_cfg=dict(IMAGE_TOWER), text_cfg=dict(TEXT_TOWER))


def normalise(pixels: Any) -> Any:
    """uint8 (n, 3, h, w) → what the tower sees, in the dtype of training."""
    return ((pixels.float() / 255 - MEAN) / STD).to(optim.training_dtype())


def heads() -> torch.nn.ModuleDict:
    """The classifiers of phase one, thrown away afterwards."""
    from torch import nn

    width = int(IMAGE_TOWER["width"])
    table = len(world.CATEGORIES) * (len(world.COLOURS) + len(world.SIZES) + world.MAX_COUNT)
    patch = len(world.CATEGORIES) + len(world.COLOURS) + len(world.SIZES) + world.MAX_COUNT
    return nn.ModuleDict(
        {
            "patch": nn.Linear(width, patch + 1),
            "whole": nn.Linear(EMBED_DIM, 6 + 2 + 2 + 3),
            "table": nn.Sequential(nn.Linear(EMBED_DIM, 256), nn.GELU(), nn.Linear(256, table)),
        }
    )


def make_batch(rng: Random, count: int) -> tuple[Any, ...]:
    """Pixels, patch labels, scene labels and kind tables of ``count`` seen scenes."""
    import numpy as np

    scenes, seeds = [], []
    for _ in range(count):
        scenes.append(world.random_scene(rng, seen_only=True, two_kinds=0.45))
        seeds.append(rng.getrandbits(31))
    pairs = list(zip(scenes, seeds, strict=True))
    return (
        np.stack([data.pixels(scene, seed) for scene, seed in pairs]),
        np.stack([data.patch_labels(scene, seed) for scene, seed in pairs]),
        np.array([data.scene_labels(scene) for scene in scenes]),
        np.stack([data.kind_labels(scene) for scene in scenes]),
    )


def patch_loss(logits: Any, labels: Any) -> Any:
    """Cross-entropies of category, colour, size and count on patches with an object on them."""
    from torch.nn import functional

    occupied = labels[..., 0] >= 0
    presence = functional.binary_cross_entropy_with_logits(logits[..., 0].float(), occupied.float())
    loss, start = presence, 1
    on = logits[occupied].float()
    widths = (len(world.CATEGORIES), len(world.COLOURS), len(world.SIZES), world.MAX_COUNT)
    for column, width in enumerate(widths):
        truth = labels[..., column][occupied].long()
        loss = loss + functional.cross_entropy(on[:, start : start + width], truth)
        start += width
    return loss


def whole_loss(logits: Any, labels: Any) -> Any:
    """Cross-entropies of setting, time, style and layout."""
    from torch.nn import functional

    loss: Any = 0.0
    start = 0
    for column, width in enumerate((6, 2, 2, 3)):
        part = logits[:, start : start + width].float()
        loss = loss + functional.cross_entropy(part, labels[:, column])
        start += width
    return loss


def table_loss(logits: Any, table: Any) -> Any:
    """Binary cross-entropy of the category × attribute table; the few ones weigh more."""
    import torch
    from torch.nn import functional

    truth = table.flatten(1).float()
    return 20 * functional.binary_cross_entropy_with_logits(
        logits.float(), truth, pos_weight=torch.tensor(4.0)
    )


def _on_patches(said: Any, patches: Any) -> str:
    """How often the patches that hold something are told right."""
    occupied = patches[..., 0] >= 0
    right = said[..., 1:25].argmax(-1)[occupied] == patches[..., 0][occupied]
    hues = said[..., 25:34].argmax(-1)[occupied] == patches[..., 1][occupied]
    return f"patch category {right.float().mean():.3f} colour {hues.float().mean():.3f}"


def train_tower(
    folder: Path, images: int, batch: int = 128, rate: float = 1e-3, resume: bool = False
) -> None:
    """Train the image tower and save ``folder/tower.safetensors`` every few minutes."""
    import torch
    from safetensors.torch import load_file, save_file

    optim.use_plain_attention()
    tower: Any = new_clip().visual
    if resume:
        tower.load_state_dict(load_file(folder / "tower.safetensors"))
    tower = tower.to(optim.training_dtype())
    classifiers: Any = heads().to(optim.training_dtype())
    steps = images // batch
    parameters = [*tower.parameters(), *classifiers.parameters()]
    adam = optim.MixedAdam(parameters, rate, steps)
    stream = data.random_stream(make_batch, batch, seed=12 if resume else 11)
    started = time.time()
    for step in range(1, steps + 1):
        pixels, patches, whole, table = (torch.as_tensor(part) for part in next(stream))
        pooled, tokens = tower(normalise(pixels))
        on_patches = classifiers["patch"](tokens)
        parts = (
            patch_loss(on_patches, patches),
            whole_loss(classifiers["whole"](pooled), whole),
            table_loss(classifiers["table"](pooled), table),
        )
        sum(parts).backward()
        adam.step()
        if step % 50 == 0:
            losses = " ".join(f"{float(part):.3f}" for part in parts)
            seconds = time.time() - started
            figures = _on_patches(on_patches, patches)
            print(f"{step * batch} images {seconds:.0f} s  losses {losses}  {figures}", flush=True)
        if step % 500 == 0 or step == steps:
            folder.mkdir(parents=True, exist_ok=True)
            masters = {name: p.detach().float().contiguous() for name, p in tower.state_dict().items()}
            save_file(masters, folder / "tower.safetensors")
