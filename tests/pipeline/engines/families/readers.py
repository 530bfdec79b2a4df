"""Chat LLMs: Llama, SmolLM (the same architecture, another template), Qwen3, Gemma 3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.pipeline.engines.families.words import CONTEXT, byte_level, save

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Qwen3: told not to think, the model finds an empty thought already there.
THINKING = CHATML[: -len("{% endif %}")] + (
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}"
    "{% endif %}"
)
LLAMA3 = (
    "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
# Gemma 2 refused a system message; Gemma 3 puts it at the head of the first turn by itself.
GEMMA = (
    "<bos>{% for m in messages %}{% if m.role == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
    "{% if p.type == 'image' %}<start_of_image>{% else %}{{ p.text }}{% endif %}{% endfor %}"
    "{% endif %}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
TINY: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "pad_token_id": 0,
}


def llama(folder: Path) -> None:
    """Two end marks, of which the second one ends a turn, as with Llama 3."""
    from transformers import LlamaConfig, LlamaForCausalLM

    marks = (
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
    )
    words = byte_level(LLAMA3, marks, "<|eot_id|>")
    config = LlamaConfig(vocab_size=len(words), bos_token_id=1, eos_token_id=[2, 5], **TINY)
    save(folder, LlamaForCausalLM(config), words, end=[2, 5], seed=1)


def smollm(folder: Path) -> None:
    """Llama's architecture behind ChatML."""
    from transformers import LlamaConfig, LlamaForCausalLM

    words = byte_level(CHATML, ("<|im_start|>", "<|im_end|>"), "<|im_end|>")
    config = LlamaConfig(vocab_size=len(words), bos_token_id=1, eos_token_id=2, **TINY)
    save(folder, LlamaForCausalLM(config), words, end=2, seed=2)


def qwen3(folder: Path) -> None:
    """The output layer is wider than the vocabulary, as makers pad it."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    words = byte_level(THINKING, ("<|im_start|>", "<|im_end|>"), "<|im_end|>")
    words.add_tokens(["<think>", "</think>"])
    config = Qwen3Config(vocab_size=len(words) + 24, head_dim=8, eos_token_id=2, **TINY)
    save(folder, Qwen3ForCausalLM(config), words, end=2, seed=3)


def gemma3(folder: Path) -> None:
    """Sliding and full attention; a template without a system role."""
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    words = byte_level(GEMMA, ("<bos>", "<start_of_turn>", "<end_of_turn>"), "<end_of_turn>")
    config = Gemma3TextConfig(
        vocab_size=len(words),
        head_dim=8,
        sliding_window=64,
        eos_token_id=3,
        bos_token_id=1,
        layer_types=["sliding_attention", "full_attention"],
        query_pre_attn_scalar=8,
        tie_word_embeddings=False,
        **TINY,
    )
    save(folder, Gemma3ForCausalLM(config), words, end=3, seed=4)
