"""Loading of transformers models that embed: the whole model and its processor, or one clear line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ...indexes.errors import first_line
from ..errors import ModelError
from ..machine import foreign
from .dual import check_kind

DAMAGE = (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError)


def load(source: str, named: str, known: Collection[str]) -> tuple[Any, Any]:
    """The model in ``source``, in float32, and its processor; ``known`` are the kinds that may be.

    Raises ModelError where it is absent, damaged, of another kind, or lacks weights of its own.
    """
    import transformers
    from safetensors import SafetensorError

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    code = {"trust_remote_code": False}
    try:
        kind = transformers.AutoConfig.from_pretrained(source, **code).model_type
        check_kind(kind, named, known)
        model, told = transformers.AutoModel.from_pretrained(
            source, dtype="float32", output_loading_info=True, **code
        )
        processor = transformers.AutoProcessor.from_pretrained(source, **code)
    except (*DAMAGE, SafetensorError) as problem:
        if foreign.wants_to_run(problem):
            raise foreign.refused(named) from problem
        lacks = isinstance(problem, ImportError)
        raise ModelError(
            f"cannot load the encoder {named}: {first_line(problem)}",
            "install what it needs: pip install 'likebut[siglip]'"
            if lacks
            else "check the folder; a hub model is fetched by running once with a network",
        ) from problem
    _check_whole(told, processor, model.config, named)
    return model, processor


def _check_whole(told: dict[str, Any], processor: Any, config: Any, named: str) -> None:
    """What the library makes up where something is missing: random weights, an empty list of words.

    Raises ModelError.
    """
    words = int(config.get_text_config().vocab_size)
    if missing := sorted(told.get("missing_keys") or ()):
        raise ModelError(
            f"the encoder {named} lacks weights: {missing[0]} and {len(missing) - 1} more",
            "it needs all parts of its model, not one of them",
        )
    if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
        raise ModelError(
            f"the encoder {named} has no processor for pictures and texts",
            "its folder needs preprocessor_config.json and a tokenizer",
        )
    if len(processor.tokenizer) < words // 2:
        raise ModelError(
            f"the encoder {named} knows {words} tokens, and its tokenizer {len(processor.tokenizer)}",
            "its folder lacks the files of the tokenizer (tokenizer.json)",
        )
