"""Loading of transformers models: which of three sorts one is, its processor and its weights.

Captioners (GIT, BLIP, BLIP-2) look and take no instructions; chat VLMs look and read; causal LMs only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from ...indexes.errors import first_line
from ..errors import ModelError
from ..machine import foreign
from .positions import count_words_only

Sort = Literal["captioner", "chat", "text"]
# They may come with a tokenizer that has a chat template, and were never trained to chat.
CAPTIONERS = ("git", "blip", "blip-2", "vision-encoder-decoder")


@dataclass(frozen=True)
class Loaded:
    """A model in evaluation mode with what turns messages into its inputs.

    ``processor`` is a tokenizer where ``sort`` is "text"; ``tokenizer`` pads on the left.
    """

    sort: Sort
    processor: Any
    tokenizer: Any
    model: Any

    @property
    def context(self) -> int | None:
        """How many tokens a prompt and its reply may have together; None where nothing says so."""
        limit = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return int(limit) if limit else None

    @property
    def vocabulary(self) -> int:
        """How many tokens the model gives a score to; its tokenizer may know fewer."""
        return int(self.model.config.get_text_config().vocab_size)

    @cached_property
    def stops(self) -> frozenset[int]:
        """The tokens that end a reply, by whichever part of the model or tokenizer says so.

        BLIP's own configuration names a token that it never writes, and stops at [SEP].
        """
        found = [settings.eos_token_id for settings in _generation_settings(self.model)]
        found += [self.tokenizer.eos_token_id, self.tokenizer.sep_token_id]
        ends = [end for value in found for end in (value if isinstance(value, list) else [value])]
        return frozenset(int(end) for end in ends if end is not None)


def load(source: str, revision: str | None, dtype: Any, device: str, device_map: Any) -> Loaded:
    """The model in ``source``, a folder or a hub name, on ``device`` or spread by ``device_map``.

    Raises ModelError where it is absent, damaged, does not fit, or is of no sort known here.
    """
    import transformers
    from safetensors import SafetensorError

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        loaded = _load(source, revision, dtype, device_map)
        model = loaded.model if device_map is not None else loaded.model.to(device)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as problem:
        if foreign.wants_to_run(problem):
            raise foreign.refused(source) from problem
        fetch = f"fetch it once with a network (hf download {source}), or use --profile pocket"
        lacks = isinstance(problem, ImportError)
        raise ModelError(
            f"cannot load the model {source}: {first_line(problem)}",
            "install what it needs (pip install …)" if lacks else fetch,
        ) from problem
    _check_chat(loaded, source)
    _prepare_for_generation(model.eval(), loaded.tokenizer)
    return Loaded(loaded.sort, loaded.processor, loaded.tokenizer, model)


def _load(source: str, revision: str | None, dtype: Any, device_map: Any) -> Loaded:
    import transformers
    from transformers.models.auto import modeling_auto as auto

    code = {"revision": revision, "trust_remote_code": False}
    kind = transformers.AutoConfig.from_pretrained(source, **code).model_type
    options = {**code, "dtype": dtype, "device_map": device_map}
    if kind in auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES or kind in CAPTIONERS:
        processor = transformers.AutoProcessor.from_pretrained(source, **code)
        model = transformers.AutoModelForImageTextToText.from_pretrained(source, **options)
        if kind == "git":
            count_words_only(model)
        chats = getattr(processor, "chat_template", None) and kind not in CAPTIONERS
        return Loaded("chat" if chats else "captioner", processor, processor.tokenizer, model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(source, **code)
    model = transformers.AutoModelForCausalLM.from_pretrained(source, **options)
    return Loaded("text", tokenizer, tokenizer, model)


def _check_chat(loaded: Loaded, source: str) -> None:
    if loaded.sort == "text" and not loaded.tokenizer.chat_template:
        raise ModelError(
            f"the model {source} has no chat template",
            "choose one that was trained to follow instructions (often named …-Instruct)",
        )


def _prepare_for_generation(model: Any, tokenizer: Any) -> None:
    """Replies end a batch on the left, and no sampling habit of the model's makers stays on."""
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    for settings in _generation_settings(model):
        settings.do_sample = False
        settings.temperature = settings.top_p = settings.top_k = settings.max_length = None
        settings.pad_token_id = tokenizer.pad_token_id


def _generation_settings(model: Any) -> Iterator[Any]:
    """Of the model and of its parts: BLIP-2 lets a whole language model of its own speak."""
    for part in model.modules():
        if getattr(part, "generation_config", None) is not None:
            yield part.generation_config
