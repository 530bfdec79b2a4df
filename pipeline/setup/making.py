"""Who loads the models of a composer: this process, where nobody else is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..encoders.contract import Encoder, EncoderSpec
from ..engines.contract import Engine, EngineSpec


@dataclass(frozen=True)
class Making:
    """What makes the engine and the encoder of a spec; None: they are loaded in this process."""

    engine: Callable[[EngineSpec], Engine] | None = None
    encoder: Callable[[EncoderSpec], Encoder] | None = None


HERE = Making()
