"""Tiny models of real families: their own configuration, processor and chat template, random weights.

Each is written with ``save_pretrained``, as a model's makers would, so that it is loaded from its
folder by name and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.pipeline.engines.families import captioners, readers, seers

Build = Callable[[Path], None]

READERS: dict[str, Build] = {
    "llama": readers.llama,
    "smollm": readers.smollm,
    "qwen3": readers.qwen3,
    "gemma3-text": readers.gemma3,
}
SEERS: dict[str, Build] = {
    "qwen2.5-vl": seers.qwen2_5_vl,
    "qwen3-vl": seers.qwen3_vl,
    "idefics3": seers.idefics3,
    "smolvlm": seers.smolvlm,
    "internvl": seers.internvl,
    "gemma3": seers.gemma3,
    "llava": seers.llava,
}
CAPTIONERS: dict[str, Build] = {
    "git": captioners.git,
    "blip": captioners.blip,
    "blip2-opt": captioners.blip2_opt,
    "blip2-t5": captioners.blip2_t5,
}
FAMILIES = {**READERS, **SEERS, **CAPTIONERS}
