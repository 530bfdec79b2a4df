"""What an encoder is: CLIP-like, one space for pictures and texts, unit vectors out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ...indexes.contract import ImageEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class EncoderSpec:
    """Which weights an encoder runs, and where; ``device`` and ``dtype`` may be "auto"."""

    encoder: str
    model: str
    pretrained: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = 64
    options: Mapping[str, Any] = field(default_factory=dict)


class Encoder(ImageEncoder, Protocol):
    """An image encoder that reads texts too; ``context_length`` counts its tokens, ends included."""

    @property
    def context_length(self) -> int: ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows; what is longer than the context is cut (ask `token_count`)."""
        ...

    def token_count(self, text: str) -> int:
        """How many tokens the whole text has, ends included."""
        ...
