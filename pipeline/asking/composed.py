"""Vectors of a picture and a sentence together, from the cache where they are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..records.keys import content_key, file_hash
from .cache import batched
from .encoder import CachedEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray


def check_composes(encoder: CachedEncoder) -> None:
    """Raises ConfigError for an encoder that reads pictures and sentences apart."""
    if not encoder.composes:
        raise ConfigError(
            f"the grain composed is picture and sentence in one vector, and {encoder.name} has none",
            'choose a recipe without it, or a profile whose encoder is an MLLM embedder (encoder = "mllm")',
        )


def composed_vectors(encoder: CachedEncoder, asked: Sequence[tuple[Path, str]]) -> list[NDArray[Any]]:
    """(d,) unit vectors of picture files, each with its sentence, by content.

    Raises ConfigError where the encoder has no such, and BadImage for a file that is no picture.
    """
    from ...indexes.decode import load_image

    check_composes(encoder)
    made = {"encoder": encoder.fingerprint, "preprocessing": encoder.preprocessing}
    keys = [content_key(**made, composed=text, image=file_hash(path)) for path, text in asked]
    known = encoder.cache.vectors(keys)
    missing = {key: one for key, one in zip(keys, asked, strict=True) if key not in known}
    for part in batched(missing.items(), encoder.spec.batch_size):
        real: Any = encoder.encoder
        prepared = [real.prepare(load_image(path, real.draft_size)) for _, (path, _) in part]
        rows = real.encode_composed(prepared, [text for _, (_, text) in part])
        for (key, _), vector in zip(part, rows, strict=True):
            encoder.cache.put_vector(key, encoder.spec.model, vector)
            known[key] = (vector, 0)
    return [known[key][0] for key in keys]
