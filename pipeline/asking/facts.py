"""What must be known of an encoder that is not loaded, and under which key it is remembered."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ..encoders.contract import Encoder, EncoderSpec
from ..errors import ModelError
from ..machine import models
from ..records.keys import content_key


def facts_of(encoder: Encoder) -> dict[str, Any]:
    """The facts, as JSON can hold them."""
    return {
        "name": encoder.name,
        "fingerprint": encoder.fingerprint,
        "preprocessing": encoder.preprocessing,
        "dimension": encoder.dimension,
        "draft_size": encoder.draft_size,
        "context_length": encoder.context_length,
        "documents_differ": bool(getattr(encoder, "documents_differ", False)),
        "composes": hasattr(encoder, "encode_composed"),
    }


def facts_key(spec: EncoderSpec) -> str:
    """The key: another one where a file of the weights was changed. Raises ModelError."""
    folder = models.local_folder(spec.model)
    file = models.weights_path(spec.pretrained)
    options = {"options": dict(spec.options)} if spec.options else {}
    return content_key(
        kind="encoder",
        encoder=spec.encoder,
        model=spec.model,
        pretrained=spec.pretrained,
        stamp=models.stamp(folder) if folder else models.file_stamp(file) if file else "",
        **options,
    )


def files_here(spec: EncoderSpec) -> bool:
    """Whether its weights are files that a person named, and that are on this machine."""
    with suppress(ModelError):
        file = models.weights_path(spec.pretrained)
        return file.is_file() if file else models.local_folder(spec.model) is not None
    return False
