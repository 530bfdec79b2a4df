"""A profile: which models play the parts, and where they run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .strict import Strict


class Size(Strict):
    """About how large a hub model is: its weights in number, and what is fetched in GB."""

    parameters: float = Field(gt=0)
    download_gb: float = Field(gt=0)


class Dollars(Strict):
    """A `Price` as a profile has it."""

    input: float = Field(ge=0)
    output: float = Field(ge=0)


class EngineChoice(Strict):
    """One language or vision-language model and where it runs."""

    engine: str = "transformers"
    model: str
    revision: str | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(8, ge=1)
    max_tokens: int = Field(512, ge=1)
    temperature: float = Field(0.0, ge=0, le=100)
    sees: bool = False
    size: Size | None = None
    price: Dollars | None = None
    options: dict[str, Any] = {}


class EncoderChoice(Strict):
    """One CLIP-like encoder and where it runs; ``pretrained`` is a tag, or a file of weights.

    ``language``: the one that its texts should be in, which the reasoner answers in. One that is
    ``multilingual`` reads others as well. ``light``: a map by which a smaller tower encodes the texts of
    queries, see `likebut index light`.
    """

    encoder: str = "open_clip"
    model: str
    pretrained: str | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(64, ge=1)
    language: str = Field("English", min_length=1, max_length=40)
    multilingual: bool = False
    light: str = ""
    size: Size | None = None
    options: dict[str, Any] = {}


class Profile(Strict):
    """Which models play the parts; the reasoner judges where no ``judge`` is named.

    ``variant``: of a recipe that has one of this name, its numbers are taken unless others are
    asked for. ``threads`` of models on the processor; 0 leaves it to torch or OMP_NUM_THREADS.
    ``vocabulary``: a model whose word-level tokenizer holds every word that the models know.
    """

    name: str = ""
    description: str
    variant: str = ""
    threads: int = Field(0, ge=0, le=1024)
    vocabulary: str = ""
    captioner: EngineChoice
    reasoner: EngineChoice
    encoder: EncoderChoice
    judge: EngineChoice | None = None
