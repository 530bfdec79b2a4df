"""Chat VLMs: Qwen2.5-VL, Qwen3-VL, Idefics3 and SmolVLM, InternVL, Gemma 3, LLaVA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.pipeline.engines.families.readers import GEMMA, TINY
from tests.pipeline.engines.families.words import byte_level, save

SEEN: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
CHATML_MARKS = ("<|im_start|>", "<|im_end|>")


def _chatml(image: str) -> str:
    """ChatML that takes text and parts; ``image`` is what a picture is written as."""
    return (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}"
        "{{ m.content }}{% else %}{% for p in m.content %}{% if p.type == 'image' %}"
        + image
        + "{% else %}{{ p.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )


def _qwen_words() -> tuple[Any, dict[str, int]]:
    named = {
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "vision_start_token": "<|vision_start|>",
        "vision_end_token": "<|vision_end|>",
    }
    template = _chatml("<|vision_start|><|image_pad|><|vision_end|>")
    words = byte_level(template, (*CHATML_MARKS, *named.values()), "<|im_end|>", named)
    return words, {f"{name}_id": words.convert_tokens_to_ids(mark) for name, mark in named.items()}


def _pixels(**settings: Any) -> dict[str, Any]:
    """As many patches as a picture is large, within bounds."""
    return {"size": {"shortest_edge": 28 * 28, "longest_edge": 4 * 28 * 28}, **settings}


def qwen2_5_vl(folder: Path) -> None:
    """Pictures at their own shape; positions in three dimensions; attention in windows."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    words, marks = _qwen_words()
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 32,
        "fullatt_block_indexes": [1],
        "window_size": 56,
    }
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}
    text = {**TINY, "vocab_size": len(words), "rope_parameters": rope, "eos_token_id": 2}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, **marks)
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(**_pixels()), words, Qwen2VLVideoProcessor(), words.chat_template
    )
    save(folder, Qwen2_5_VLForConditionalGeneration(config), processor, end=2, seed=21)


def qwen3_vl(folder: Path) -> None:
    """What deeper layers of the vision tower see enters deeper layers of the LLM."""
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    words, marks = _qwen_words()
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "out_hidden_size": 32,
        "num_position_embeddings": 16,
        "deepstack_visual_indexes": [0],
        "patch_size": 16,
    }
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}
    text = {**TINY, "head_dim": 8, "vocab_size": len(words), "rope_parameters": rope}
    config = Qwen3VLConfig(text_config=text, vision_config=vision, **marks)
    images = Qwen2VLImageProcessor(**_pixels(patch_size=16))
    processor = Qwen3VLProcessor(images, words, Qwen3VLVideoProcessor(), words.chat_template)
    save(folder, Qwen3VLForConditionalGeneration(config), processor, end=2, seed=22)


IDEFICS = (
    "<|im_start|>{% for m in messages %}{{ m.role | capitalize }}:"
    "{% if m.content is string %} {{ m.content }}{% else %}{% for p in m.content %}"
    "{% if p.type == 'image' %}<image>{% else %} {{ p.text }}{% endif %}{% endfor %}{% endif %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def _idefics_words() -> Any:
    named = {
        "fake_image_token": "<fake_token_around_image>",
        "image_token": "<image>",
        "end_of_utterance_token": "<end_of_utterance>",
        "global_image_token": "<global-img>",
    }
    tiles = [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
    marks = ("<|im_start|>", *named.values(), *tiles)
    return byte_level(IDEFICS, marks, "<end_of_utterance>", named)


def _idefics_parts(words: Any) -> dict[str, Any]:
    text = {**TINY, "model_type": "llama", "vocab_size": len(words), "eos_token_id": 4}
    return {
        "text_config": text,
        "scale_factor": 2,
        "pad_token_id": 0,
        "vision_config": {**SEEN, "num_hidden_layers": 1, "image_size": 32, "patch_size": 8},
        "image_token_id": words.convert_tokens_to_ids("<image>"),
    }


_TILES = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}


def idefics3(folder: Path) -> None:
    """A large picture becomes a grid of tiles and the whole; SmolVLM without its own names."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessor,
        Idefics3Processor,
    )

    words = _idefics_words()
    config = Idefics3Config(**_idefics_parts(words))
    processor = Idefics3Processor(
        Idefics3ImageProcessor(**_TILES), words, image_seq_len=4, chat_template=IDEFICS
    )
    save(folder, Idefics3ForConditionalGeneration(config), processor, end=4, seed=23)


def smolvlm(folder: Path) -> None:
    """Its processor needs the package num2words."""
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    words = _idefics_words()
    config = SmolVLMConfig(**_idefics_parts(words))
    video = SmolVLMVideoProcessor(**_TILES, num_frames=2, fps=1)
    processor = SmolVLMProcessor(
        SmolVLMImageProcessor(**_TILES), words, video, image_seq_len=4, chat_template=IDEFICS
    )
    save(folder, SmolVLMForConditionalGeneration(config), processor, end=4, seed=24)


def internvl(folder: Path) -> None:
    """Tiles by the picture's shape, before a Qwen2."""
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    template = _chatml("<IMG_CONTEXT>\n")
    words = byte_level(template, (*CHATML_MARKS, *named.values()), "<|im_end|>", named)
    config = InternVLConfig(
        vision_config={**SEEN, "num_hidden_layers": 1, "image_size": [32, 32], "patch_size": [8, 8]},
        text_config={**TINY, "model_type": "qwen2", "vocab_size": len(words), "eos_token_id": 2},
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
    )
    images = GotOcr2ImageProcessor(
        crop_to_patches=True, min_patches=1, max_patches=3, size={"height": 32, "width": 32}
    )
    processor = InternVLProcessor(images, words, InternVLVideoProcessor(), 4, template)
    save(folder, InternVLForConditionalGeneration(config), processor, end=2, seed=25)


def gemma3(folder: Path) -> None:
    """Tokens of one picture see each other, and the template knows no system role."""
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessor,
        Gemma3Processor,
    )

    named = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    marks = ("<bos>", "<start_of_turn>", "<end_of_turn>", *named.values())
    words = byte_level(GEMMA, marks, "<end_of_turn>", named)
    text = {
        **TINY,
        "vocab_size": len(words),
        "head_dim": 8,
        "sliding_window": 64,
        "eos_token_id": 3,
        "layer_types": ["sliding_attention", "full_attention"],
        "query_pre_attn_scalar": 8,
        "tie_word_embeddings": False,
    }
    ids = {f"{name}_index": words.convert_tokens_to_ids(mark) for name, mark in named.items()}
    config = Gemma3Config(
        text_config=text,
        mm_tokens_per_image=4,
        tie_word_embeddings=False,
        **ids,
        vision_config={**SEEN, "num_hidden_layers": 1, "image_size": 32, "patch_size": 8},
    )
    images = Gemma3ImageProcessor(size={"height": 32, "width": 32})
    processor = Gemma3Processor(images, words, chat_template=GEMMA, image_seq_length=4)
    save(folder, Gemma3ForConditionalGeneration(config), processor, end=3, seed=26)


def _begins_with(mark: str, number: int) -> Any:
    from tokenizers.processors import TemplateProcessing

    return TemplateProcessing(single=f"{mark} $A", special_tokens=[(mark, number)])


def llava(folder: Path) -> None:
    """CLIP's patches before a Llama; the tokenizer and not the template writes the first mark."""
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    template = _chatml("<image>\n")
    words = byte_level(template, (*CHATML_MARKS, "<image>"), "<|im_end|>")
    words.backend_tokenizer.post_processor = _begins_with("<|im_start|>", 1)
    vision = {
        **SEEN,
        "model_type": "clip_vision_model",
        "num_hidden_layers": 2,
        "image_size": 32,
        "patch_size": 16,
    }
    config = LlavaConfig(
        vision_config=vision,
        image_seq_length=4,
        image_token_id=3,
        text_config={**TINY, "model_type": "llama", "vocab_size": len(words), "eos_token_id": 2},
    )
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(
        images,
        words,
        patch_size=16,
        vision_feature_select_strategy="default",
        chat_template=template,
        num_additional_image_tokens=1,
    )
    save(folder, LlavaForConditionalGeneration(config), processor, end=2, seed=27)
