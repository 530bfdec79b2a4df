"""What a profile says to an MLLM embedder, and what is wrong with it before anything loads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..errors import ConfigError
from .contract import EncoderSpec
from .dual import check_folder
from .options import check_names

KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
GENERIC = "Represent the user's input."


@dataclass(frozen=True)
class Said:
    """The table ``[encoder.options]``.

    ``instruction`` comes before what is asked, ``document`` before what is searched: both the words that
    the model was trained with. With ``chat`` they are the system's turn of its template, else they stand
    before the text. ``ending`` is written after all (GME reads its vector from one more <|endoftext|>).
    A picture is shown with at most ``max_pixels``.
    """

    instruction: str = GENERIC
    document: str = GENERIC
    ending: str = ""
    chat: bool = True
    max_pixels: int = 1280 * 28 * 28

    @property
    def identity(self) -> str:
        """What decides a vector beside weights and pixels."""
        words = asdict(self)
        del words["max_pixels"]
        return json.dumps(words, sort_keys=True)


def check(spec: EncoderSpec) -> None:
    """Raises ConfigError for options that do not hold, ModelError for a folder of another kind."""
    known: dict[str, Any] = {field.name: field.default for field in fields(Said)}
    check_names(spec.encoder, spec.options, known)
    for name, value in spec.options.items():
        wanted = type(known[name])
        if type(value) is not wanted or (wanted is int and value < 1):
            raise ConfigError(
                f"encoder option {name}: no {value!r}", f"as in {name} = {json.dumps(known[name])}"
            )
    check_folder(spec, KINDS)
