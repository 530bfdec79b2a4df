"""Classic captioners: GIT, BLIP, BLIP-2 (with OPT, and with T5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.pipeline.engines.families.words import byte_level, save, word_pieces

SEEN: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 16,
}
SAID: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}


def _square() -> dict[str, int]:
    return {"height": 32, "width": 32}


def git(folder: Path) -> None:
    """Image tokens before the words of a BERT-like decoder."""
    from transformers import CLIPImageProcessor, GitConfig, GitForCausalLM, GitProcessor

    words = word_pieces()
    config = GitConfig(vision_config=SEEN, vocab_size=len(words), bos_token_id=2, eos_token_id=3, **SAID)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=_square())
    save(folder, GitForCausalLM(config), GitProcessor(images, words), end=3, seed=11)


def blip(folder: Path) -> None:
    """It ends with [SEP]; what its configuration calls its end mark, it never writes."""
    import torch
    from transformers import BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

    words = word_pieces()
    text = {
        **SAID,
        "vocab_size": len(words),
        "bos_token_id": 5,
        "eos_token_id": 6,
        "sep_token_id": 3,
        "encoder_hidden_size": 32,
    }
    config = BlipConfig(text_config=text, vision_config=SEEN)
    processor = BlipProcessor(BlipImageProcessor(size=_square()), words)
    model = BlipForConditionalGeneration(config)
    with torch.no_grad():
        model.text_decoder.cls.predictions.bias[6] = -1e3
    save(folder, model, processor, end=3, seed=12)


def _blip2(folder: Path, text: dict[str, Any], end: int, seed: int) -> None:
    from transformers import Blip2Config, Blip2ForConditionalGeneration, Blip2Processor, BlipImageProcessor

    words = byte_level("", ("</s>", "<image>"), "</s>", {"image_token": "<image>"})
    words.chat_template = None
    querying = {
        "vocab_size": 8,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "encoder_hidden_size": 32,
    }
    config = Blip2Config(
        vision_config=SEEN,
        qformer_config=querying,
        text_config={**text, "vocab_size": len(words)},
        num_query_tokens=4,
        image_token_index=2,
    )
    processor = Blip2Processor(BlipImageProcessor(size=_square()), words, num_query_tokens=4)
    save(folder, Blip2ForConditionalGeneration(config), processor, end=end, seed=seed)


def blip2_opt(folder: Path) -> None:
    """OPT begins with the mark it ends with."""
    text = {
        "model_type": "opt",
        "hidden_size": 32,
        "ffn_dim": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 64,
        "word_embed_proj_dim": 32,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 1,
        "tie_word_embeddings": False,
    }
    _blip2(folder, text, end=1, seed=15)


def blip2_t5(folder: Path) -> None:
    """T5 decodes from a start mark of its own."""
    text = {
        "model_type": "t5",
        "d_model": 32,
        "d_kv": 16,
        "d_ff": 64,
        "num_layers": 2,
        "num_heads": 2,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "decoder_start_token_id": 0,
        "bos_token_id": 0,
    }
    _blip2(folder, text, end=1, seed=14)
