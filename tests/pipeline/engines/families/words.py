"""Tokenizers made on the spot, and weights that make a model say something else each time."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

CONTEXT = 2048
# Fixed, so that no other change makes other words, and with them other replies.
TEXT = """
a red apple and a green pear on a wooden table beside a window, one cat and two dogs at night
the caption of a picture and its modification: what is kept, what is changed, added or removed
{"reasoning": "the dog becomes a cat", "target_caption": "a brown cat running on a beach in summer",
"desired": ["a cat", "snow"], "preserved": ["running", "brown"], "forbidden": ["a dog", "a beach"]}
answer with one JSON object and nothing else; describe the picture plainly, in one sentence, no lists
please make it blue, make it larger, put it in the snow, without the flowers, as a sketch, three of them
a sleeping cat on a sofa; a guitar in a forest by day in flat colour; a star over the mountain at noon
"""


@cache
def _byte_pairs(marks: tuple[str, ...], size: int) -> str:
    """The JSON of byte-level BPE over TEXT; ``marks`` have ids from 0."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(marks),
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    raw.train_from_iterator(TEXT.splitlines(), trainer)
    return str(raw.to_str())


def byte_level(
    chat_template: str, marks: tuple[str, ...], end: str, named: dict[str, str] | None = None
) -> Any:
    """A byte-level tokenizer that can spell any text, with padding as token 0.

    ``named`` gives marks the names by which a family's processor asks for them.
    """
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    every = ("<pad>", *marks)
    made = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_byte_pairs(every, 500)),
        pad_token="<pad>",
        eos_token=end,
        additional_special_tokens=list(marks),
        **({"extra_special_tokens": named} if named else {}),
    )
    made.chat_template = chat_template
    return made


def word_pieces() -> Any:
    """A tokenizer of the BERT kind, as classic captioners have it; it ends with [SEP]."""
    from transformers import BertTokenizer

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[unused1]"]
    words = ["a", "the", "red", "green", "blue", "apple", "pear", "cat", "dog", "at", "night", "one"]
    vocabulary = {word: number for number, word in enumerate([*marks, *words])}
    return BertTokenizer(vocab=vocabulary, bos_token="[DEC]")


def save(folder: Path, model: Any, processor: Any, *, end: int | list[int], seed: int) -> None:
    """Write model and processor, after the weights were drawn wide enough to tell inputs apart."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed" in name:
                weight.normal_(0.0, 0.5, generator=generator)
            elif weight.dim() > 1:  # not norms and biases
                weight.normal_(0.0, 1.5 / weight[0].numel() ** 0.5, generator=generator)
        _end_now_and_then(model, end)
    settings = model.generation_config
    settings.pad_token_id = 0
    if settings.eos_token_id is None:  # where it lies with a part of the configuration
        settings.eos_token_id = end
    # What hub models ship: greedy decoding must not inherit their sampling.
    settings.do_sample, settings.temperature, settings.top_p, settings.top_k = True, 0.7, 0.8, 20
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _end_now_and_then(model: Any, end: int | list[int]) -> None:
    """Scores of the end mark swing widely, so that some replies end by themselves."""
    for part in model.modules():
        head = getattr(part, "get_output_embeddings", lambda: None)()
        if head is not None:
            head.weight[end if isinstance(end, int) else end[-1]] *= 2.0
            return
