"""Tiny models of the architectures that MLLM embedders are made on, saved as their makers save them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.pipeline.engines.families import seers
from tests.pipeline.engines.families.readers import TINY
from tests.pipeline.engines.families.words import save


def qwen2_vl(folder: Path) -> None:
    """What GME and VLM2Vec are made on."""
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    words, marks = seers._qwen_words()
    vision: dict[str, Any] = {
        "depth": 2,
        "embed_dim": 32,
        "hidden_size": 32,
        "num_heads": 2,
        "mlp_ratio": 2,
    }
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}
    text = {**TINY, "vocab_size": len(words), "rope_parameters": rope, "eos_token_id": 2}
    config = Qwen2VLConfig(text_config=text, vision_config=vision, **marks)
    images = Qwen2VLImageProcessor(**seers._pixels())
    processor = Qwen2VLProcessor(images, words, Qwen2VLVideoProcessor(), words.chat_template)
    save(folder, Qwen2VLForConditionalGeneration(config), processor, end=2, seed=28)


EMBEDDERS: dict[str, Callable[[Path], None]] = {
    "qwen2-vl": qwen2_vl,
    "qwen2.5-vl": seers.qwen2_5_vl,
    "qwen3-vl": seers.qwen3_vl,
}
