"""Tiny models of the dual encoders of transformers: their own configuration, processor and tokenizer.

Each is written with ``save_pretrained``, as its makers would, and loaded from its folder by name alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

TEXT = "a the red green blue apple pear cat dog at night two make it in one 苹 果 红 猫 un chat rouge"
WORDS = TEXT.split()
LETTERS = sorted({letter for word in WORDS for letter in word} | set("bcfgjkmsvwxyz"))
SIDE = 32
TOWER: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
SEES: dict[str, Any] = {**TOWER, "image_size": SIDE, "patch_size": 8}


def save(folder: Path, model: Any, processor: Any, seed: int) -> Path:
    """Write both, after the weights were drawn wide enough to tell inputs apart."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed" in name:
                weight.normal_(0.0, 0.5, generator=generator)
            elif weight.dim() > 1:
                weight.normal_(0.0, 1.5 / weight[0].numel() ** 0.5, generator=generator)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _bert() -> Any:
    from transformers import BertTokenizer

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: number for number, word in enumerate([*marks, *WORDS])}
    return BertTokenizer(vocab=vocabulary, model_max_length=512)


def _gemma_vocabulary() -> dict[str, int]:
    marks = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁"]
    capitals = [letter.upper() for letter in LETTERS if letter.isascii()]  # tokens of their own
    return {piece: number for number, piece in enumerate(dict.fromkeys([*marks, *LETTERS, *capitals]))}


def _crop(kind: Any) -> Any:
    return kind(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})


def clip(folder: Path, seed: int = 1) -> Path:
    """The end mark is what is pooled; its tokenizer lowers case."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    pieces = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    words = CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)
    text = {**TOWER, "vocab_size": len(words), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = CLIPConfig(text_config=text, vision_config=SEES, projection_dim=16)
    return save(folder, CLIPModel(config), CLIPProcessor(_crop(CLIPImageProcessor), words), seed)


def _sentence_pieces(folder: Path) -> Path:
    """A SentencePiece model as SigLIP has it, trained on WORDS."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words.txt").write_text("\n".join([" ".join(WORDS)] * 20), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "words.txt"),
        model_prefix=str(folder / "spiece"),
        vocab_size=80,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "words.txt").unlink()
    return folder / "spiece.model"


def _siglip(folder: Path, words: Any, seed: int) -> Path:
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel, SiglipProcessor

    text = {**TOWER, "vocab_size": len(words), "max_position_embeddings": 64, "pad_token_id": 1}
    config = SiglipConfig(text_config={**text, "projection_size": 32}, vision_config=SEES)
    images = SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    return save(folder, SiglipModel(config), SiglipProcessor(images, words), seed)


def siglip(folder: Path, seed: int = 2) -> Path:
    """Always 64 tokens without a mask, of which the last is pooled; no punctuation; squeezed pictures."""
    from transformers import SiglipTokenizer

    words = SiglipTokenizer(str(_sentence_pieces(folder)), model_input_names=["input_ids"])
    return _siglip(folder, words, seed)


def siglip2_fixed(folder: Path, seed: int = 3) -> Path:
    """SigLIP 2 of a fixed size: SigLIP's model with Gemma's tokenizer, which keeps case as it is."""
    from transformers import GemmaTokenizer

    words = GemmaTokenizer(
        vocab=_gemma_vocabulary(),
        merges=[],
        padding_side="right",
        model_input_names=["input_ids"],
        model_max_length=64,
    )
    return _siglip(folder, words, seed)


def siglip2(folder: Path, seed: int = 4) -> Path:
    """Pictures in their own shape, as up to 16 patches; lower case."""
    import transformers
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model, Siglip2Processor

    # transformers 5.0 reads it by Gemma's, which keeps case as it is
    kind = getattr(transformers, "Siglip2Tokenizer", transformers.GemmaTokenizer)
    words = kind(
        vocab=_gemma_vocabulary(), merges=[], padding_side="right", model_input_names=["input_ids"]
    )
    text = {**TOWER, "vocab_size": len(words), "max_position_embeddings": 64, "projection_size": 32}
    config = Siglip2Config(text_config=text, vision_config={**TOWER, "patch_size": 8, "num_patches": 16})
    images = Siglip2ImageProcessor(patch_size=8, max_num_patches=16)
    return save(folder, Siglip2Model(config), Siglip2Processor(images, words), seed)


def align(folder: Path, seed: int = 5) -> Path:
    """An EfficientNet, squeezed pictures with a crop after it, 64 word pieces with a mask."""
    from transformers import AlignConfig, AlignModel, AlignProcessor, EfficientNetImageProcessor

    vision = {
        "image_size": SIDE,
        "width_coefficient": 1.0,
        "depth_coefficient": 0.2,
        "hidden_dim": 32,
        "in_channels": [32, 16],
        "out_channels": [16, 32],
        "kernel_sizes": [3, 3],
        "strides": [1, 2],
        "num_block_repeats": [1, 1],
        "expand_ratios": [1, 6],
    }
    words = _bert()
    text = {**TOWER, "vocab_size": len(words), "max_position_embeddings": 512}
    config = AlignConfig(text_config=text, vision_config=vision, projection_dim=32)
    images = EfficientNetImageProcessor(
        size={"height": 40, "width": 40},
        crop_size={"height": SIDE, "width": SIDE},
        do_center_crop=True,
        rescale_factor=1 / 127.5,
        rescale_offset=True,
        do_normalize=False,
        include_top=False,
    )
    return save(folder, AlignModel(config), AlignProcessor(images, words), seed)


def chinese_clip(folder: Path, seed: int = 6) -> Path:
    """A BERT that reads Chinese, letter by letter; its first mark is pooled."""
    from transformers import (
        ChineseCLIPConfig,
        ChineseCLIPImageProcessor,
        ChineseCLIPModel,
        ChineseCLIPProcessor,
    )

    words = _bert()
    text = {**TOWER, "vocab_size": len(words), "max_position_embeddings": 512}
    config = ChineseCLIPConfig(text_config=text, vision_config=SEES, projection_dim=16)
    processor = ChineseCLIPProcessor(_crop(ChineseCLIPImageProcessor), words)
    return save(folder, ChineseCLIPModel(config), processor, seed)


def altclip(folder: Path, seed: int = 7) -> Path:
    """An XLM-R, whose places are counted from after its padding mark."""
    from transformers import (
        AltCLIPConfig,
        AltCLIPModel,
        AltCLIPProcessor,
        CLIPImageProcessor,
        XLMRobertaTokenizer,
    )

    marks = ["<s>", "<pad>", "</s>", "<unk>", "▁"]
    pieces = [*marks, *(f"▁{word}" for word in WORDS), *LETTERS, "<mask>"]
    words = XLMRobertaTokenizer(vocab=[(piece, -float(n > 3)) for n, piece in enumerate(pieces)])
    text = {**TOWER, "vocab_size": len(words), "max_position_embeddings": 514, "project_dim": 24}
    config = AltCLIPConfig(text_config=text, vision_config=SEES, projection_dim=16)
    return save(folder, AltCLIPModel(config), AltCLIPProcessor(_crop(CLIPImageProcessor), words), seed)


DUALS: dict[str, Callable[..., Path]] = {
    "clip": clip,
    "siglip": siglip,
    "siglip2": siglip2,
    "siglip2 of a fixed size": siglip2_fixed,
    "align": align,
    "chinese_clip": chinese_clip,
    "altclip": altclip,
}
