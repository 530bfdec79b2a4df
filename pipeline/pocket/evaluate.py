"""Measure the pocket models on unseen seeds and unseen (category, colour) pairs.

`python -m likebut.pipeline.pocket.evaluate clip|captioner|reasoner` prints the figures of the model cards.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

from ..machine.models import POCKET
from . import captions, world
from .paint import paint
from .world import Scene

SEED = 987_654


def unseen_scenes(count: int, *, two_kinds: float, pairs: str) -> list[tuple[Scene, int]]:
    """Scenes of seeds no training used; ``pairs`` is "any" or "unseen" (held-out pairs only)."""
    rng = Random(f"{SEED} {two_kinds} {pairs}")
    chosen: list[tuple[Scene, int]] = []
    while len(chosen) < count:
        scene = world.random_scene(rng, two_kinds=two_kinds)
        held_out = any(world.is_unseen(kind.category, kind.colour) for kind in scene.kinds)
        if pairs == "any" or held_out:
            chosen.append((scene, rng.getrandbits(31)))
    return chosen


def pictures(scenes: list[tuple[Scene, int]], size: int = 128) -> list[Any]:
    """The scenes painted at the size of drawn galleries."""
    return [paint(scene, size, seed) for scene, seed in scenes]


def clip_accuracy(folder: Path, count: int = 1000) -> dict[str, float]:
    """Zero-shot accuracy of every attribute on one-kind scenes.

    The nearest class is the answer; a class is the mean direction of its prompts (CLIP, Radford et
    al. 2021, section 3.1.4: an ensemble of prompts in the space of vectors).
    """
    import open_clip
    import torch
    from torch.nn.functional import normalize

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    model.eval()
    figures: dict[str, float] = {}
    for pairs in ("any", "unseen"):
        scenes = unseen_scenes(count, two_kinds=0.0, pairs=pairs)
        with torch.inference_mode():
            pixels = torch.stack([preprocess(picture) for picture in pictures(scenes)])
            image = model.encode_image(pixels, normalize=True)
            for name, classes, prompts in _zero_shot_tasks():
                text = torch.stack(
                    [model.encode_text(tokenizer(prompts(c)), normalize=True).mean(0) for c in classes]
                )
                guesses = (image @ normalize(text).T).argmax(1).tolist()
                right = sum(
                    classes[guess] == _attribute(scene, name)
                    for guess, (scene, _) in zip(guesses, scenes, strict=True)
                )
                figures[f"{name} ({pairs} pairs)"] = right / count
    return figures


def _attribute(scene: Scene, name: str) -> str:
    return str(getattr(scene if name in ("setting", "time", "style") else scene.kinds[0], name))


def _zero_shot_tasks() -> list[tuple[str, tuple[str, ...], Any]]:
    """(attribute, classes, prompts of a class)."""
    return [
        ("category", world.CATEGORIES, _category_prompts),
        ("colour", world.COLOURS, lambda c: [c]),
        ("setting", world.SETTINGS, lambda c: [captions.PLACES[c]]),
        ("time", world.TIMES, lambda c: [captions.HOURS[c]]),
        ("style", world.STYLES, lambda c: [captions.STYLES[c]]),
    ]


def _category_prompts(category: str) -> list[str]:
    """In one and in two, and in every colour."""
    return [
        f"{number} {colour} {captions.plural(category, count)}"
        for count, number in ((1, "a"), (2, "two"))
        for colour in world.COLOURS
    ]


def captioner_accuracy(folder: Path, count: int = 600) -> dict[str, float]:
    """Share of captions with all attributes right, and of each attribute, as the engine loads it."""
    import torch

    from ..engines.loading import load

    loaded = load(str(folder), None, torch.float32, "cpu", None)
    processor, model = loaded.processor, loaded.model
    figures: dict[str, float] = {}
    for pairs in ("any", "unseen"):
        scenes = unseen_scenes(count, two_kinds=0.4, pairs=pairs)
        texts: list[str] = []
        with torch.inference_mode():
            for start in range(0, count, 50):
                part = pictures(scenes[start : start + 50])
                pixels = processor(images=part, return_tensors="pt")["pixel_values"]
                ids = model.generate(pixel_values=pixels, max_new_tokens=40, do_sample=False)
                texts += processor.batch_decode(ids, skip_special_tokens=True)
        figures[f"all attributes ({pairs} pairs)"] = (
            sum(text.strip() == captions.canonical(s) for text, (s, _) in zip(texts, scenes, strict=True))
            / count
        )
        for one in (True, False):
            rows = [(t, s) for t, (s, _) in zip(texts, scenes, strict=True) if (len(s.kinds) == 1) == one]
            share = sum(t.strip() == captions.canonical(s) for t, s in rows) / len(rows)
            figures[f"all attributes, {'one kind' if one else 'two kinds'} ({pairs} pairs)"] = share
        figures |= _per_attribute(texts, scenes, pairs)
    return figures


def _per_attribute(texts: list[str], scenes: list[tuple[Scene, int]], pairs: str) -> dict[str, float]:
    read = [captions.parse(text) for text in texts]
    same = [
        (guess, scene)
        for guess, (scene, _) in zip(read, scenes, strict=True)
        if guess is not None and len(guess.kinds) == len(scene.kinds)
    ]
    figures = {f"number of kinds ({pairs} pairs)": len(same) / len(scenes)}
    for name in ("category", "colour", "size", "count"):
        right = [
            getattr(a, name) == getattr(b, name)
            for guess, scene in same
            for a, b in zip(guess.kinds, scene.kinds, strict=True)
        ]
        figures[f"{name} ({pairs} pairs)"] = sum(right) / max(1, len(right))
    for name in ("setting", "time", "style", "relation"):
        hits = [getattr(guess, name) == getattr(scene, name) for guess, scene in same]
        figures[f"{name} ({pairs} pairs)"] = sum(hits) / max(1, len(hits))
    return figures


def reasoner_accuracy(folder: Path, count: int = 1000) -> dict[str, float]:
    """Shares of valid JSON and of right target captions, as stock code loads it."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from .train.reasoner_figures import holding_right, target_right

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    figures: dict[str, float] = {}
    for pairs in ("any", "unseen"):
        shares = target_right(model, tokenizer, count, SEED, pairs=pairs)
        figures |= {f"{name} ({pairs} pairs)": value for name, value in shares.items()}
    shares = target_right(model, tokenizer, count, SEED, pairs="any", two_kinds=1.0)
    figures["target right, two kinds (any pairs)"] = shares["target right"]
    holding = holding_right(model, tokenizer, count // 10, SEED)
    return figures | {f"left alone: {name}": value for name, value in holding.items()}


MEASURES = {"clip": clip_accuracy, "captioner": captioner_accuracy, "reasoner": reasoner_accuracy}


def main(names: list[str]) -> None:
    """Print the figures of the named models as JSON."""
    for name in names or list(MEASURES):
        figures = MEASURES[name](POCKET / name)
        print(json.dumps({name: {key: round(value, 4) for key, value in figures.items()}}, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
