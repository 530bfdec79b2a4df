"""Tiny random models in the folders that stock loaders read: GIT, Llama, SmolVLM, GPT-2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = [
    "a",
    "an",
    "the",
    "red",
    "green",
    "apple",
    "pear",
    "cat",
    "dog",
    "make",
    "it",
    "at",
    "night",
    "Caption",
    "Modification",
    "You",
    "rewrite",
    "be",
    "short",
    "what",
    "is",
    "in",
    "this",
    "picture",
    "one",
    "two",
    "three",
    "no",
    "with",
    ":",
    ".",
    ",",
    "!",
    "?",
    "<",
    ">",
    "|",
    "/",
    "im_end",
    "ignore",
    "reply",
]
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }} "
    "{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
    "{% if p.type == 'image' %}<image>{% else %}{{ p.text }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant {% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}"
    "{% endif %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}"
)
# Neither an error nor a word: the system message is not there.
SILENT = (
    "{% for m in messages %}{% if m.role != 'system' %}<|im_start|>{{ m.role }} "
    "{{ m.content }}<|im_end|>{% endif %}{% endfor %}"
)
CONTEXT = 64


def tokenizer(chat_template: str | None = CHAT, marks: tuple[str, ...] = ()) -> Any:
    """A word-level tokenizer: WORDS, roles, the marks of a chat."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<unk>", "<bos>", "<|im_start|>", "<|im_end|>", *marks]
    roles = ["system", "user", "assistant"]
    vocabulary = {word: number for number, word in enumerate([*special, *roles, *WORDS])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>", *marks],
    )
    if chat_template:
        made.chat_template = chat_template
    return made


def llama(folder: Path, chat_template: str | None = CHAT) -> Path:
    """A causal LM with a chat template and a context of CONTEXT tokens."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer(chat_template)
    torch.manual_seed(1)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=CONTEXT,
            initializer_range=0.4,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=4,
        )
    )
    # What hub models ship: greedy decoding must not inherit their sampling.
    model.generation_config.update(do_sample=True, temperature=0.7, top_p=0.8, top_k=20)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def git(folder: Path) -> Path:
    """A captioner that takes no instructions."""
    import torch
    from transformers import CLIPImageProcessor, GitConfig, GitForCausalLM, GitProcessor

    words = tokenizer()
    torch.manual_seed(2)
    model = GitForCausalLM(
        GitConfig(
            vision_config={
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 1,
                "num_attention_heads": 2,
                "image_size": 32,
                "patch_size": 16,
            },
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=32,
            initializer_range=0.4,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=4,
        )
    )
    model.save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    GitProcessor(images, words).save_pretrained(folder)
    return folder


def llava(folder: Path) -> Path:
    """A chat VLM: it sees, and it reads."""
    import torch
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    words = tokenizer(marks=("<image>",))
    torch.manual_seed(3)
    vision = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
    )
    text = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=CONTEXT,
        initializer_range=0.4,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=4,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_seq_length=4,
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(
        images,
        words,
        patch_size=16,
        vision_feature_select_strategy="default",
        chat_template=CHAT,
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder
