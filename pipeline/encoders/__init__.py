"""Encoders turn pictures and texts into vectors of one space; named here, loaded when used."""

from __future__ import annotations

from importlib import import_module

from pipeline.encoders.contract import Encoder, EncoderSpec
from pipeline.errors import ConfigError, did_you_mean

ENCODERS = {
    "open_clip": "pipeline.encoders.open_clip:OpenClipEncoder",
    "sentence": "pipeline.encoders.sentence:SentenceEncoder",
}


def make_encoder(spec: EncoderSpec) -> Encoder:
    """Load the encoder of a spec. Raises ConfigError for an unknown name, ModelError if absent."""
    if spec.encoder not in ENCODERS:
        raise ConfigError(
            f"no encoder {spec.encoder!r}", did_you_mean(spec.encoder, list(ENCODERS))
        )
    module, _, name = ENCODERS[spec.encoder].partition(":")
    encoder: Encoder = getattr(import_module(module), name)(spec)
    return encoder
