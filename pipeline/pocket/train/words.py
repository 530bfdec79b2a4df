"""The word-level tokenizer of the captioner and the reasoner.

Whole words are copied sooner than byte pairs. A word carries its leading space; the pieces of
the reasoner's JSON between two strings are one token each, so a reply costs few tokens and its
form is learnt at once. Text is lowercased; a word outside the vocabulary becomes ``<unk>``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

WORD = r" ?[a-z]+|[0-9]| ?[^\sa-z0-9]|\n| "
SPECIAL = ("<pad>", "<unk>", "<bos>", "<eos>", "<user>", "<assistant>")
JSON_PIECES = (
    '{"reasoning": "',
    '", "target_caption": "',
    '", "desired": ["',
    '", "desired": []',
    '"], "preserved": ["',
    ', "preserved": ["',
    '"], "forbidden": ["',
    '"], "forbidden": []}',
    '"]}',
    '", "',
)
# The pocket reasoner knows one task by heart, so its template leaves the instructions out.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message.role == 'user' -%}<user>{{ message.content }}"
    "{%- elif message.role == 'assistant' -%}<assistant>{{ message.content }}<eos>"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}<assistant>{%- endif -%}"
)


def build_tokenizer(texts: Iterable[str], *, chat: bool, length: int) -> PreTrainedTokenizerFast:
    """A tokenizer that knows every word of ``texts``; with ``chat`` also the JSON pieces."""
    import re

    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces: dict[str, int] = {}
    for text in texts:
        for word in re.findall(WORD, text.lower()):
            pieces[word] = pieces.get(word, 0) + 1
    both_forms = {form for word in pieces for form in (word.strip() or word, " " + word.strip())}
    vocabulary = [*SPECIAL, *sorted(both_forms | set(pieces))]
    model: Any = models.WordLevel({word: i for i, word in enumerate(vocabulary)}, unk_token="<unk>")
    raw = Tokenizer(model)
    raw.normalizer = normalizers.Lowercase()
    raw.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), "isolated")
    raw.decoder = decoders.Fuse()
    if chat:
        raw.add_tokens([AddedToken(piece, normalized=False) for piece in JSON_PIECES])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<eos>",
        additional_special_tokens=["<user>", "<assistant>"],
        model_max_length=length,
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
