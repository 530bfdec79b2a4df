"""Encoders turn pictures and texts into vectors of one space; named here, loaded when used."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from ..errors import ConfigError, did_you_mean
from .contract import Encoder, EncoderSpec


class Kind(NamedTuple):
    """What the rest of the product asks of an encoder without loading it.

    ``target`` is its module and class, ``hub_name`` a function of (model, pretrained) that names the
    hub's repository where that is not the model. ``check`` is a function of a spec that raises what is
    wrong with it, without loading. ``package`` and ``extra``: as those of engines.
    """

    target: str
    hub_name: str = ""
    check: str = ""
    package: str = ""
    extra: str = ""


ENCODERS = {
    "open_clip": Kind(
        "likebut.pipeline.encoders.open_clip:OpenClipEncoder",
        "likebut.pipeline.encoders.open_clip_weights:hub_name",
        "likebut.pipeline.encoders.open_clip_weights:source_of",
    ),
    "sentence": Kind(
        "likebut.pipeline.encoders.sentence:SentenceEncoder", package="sentence_transformers", extra="text"
    ),
    "transformers": Kind(
        "likebut.pipeline.encoders.transformers:TransformersEncoder",
        check="likebut.pipeline.encoders.dual:check",
    ),
    "conse": Kind(
        "likebut.pipeline.encoders.conse:ConseEncoder", package="efficientnet_lite_pytorch", extra="photos"
    ),
    "mllm": Kind(
        "likebut.pipeline.encoders.mllm:MllmEncoder", check="likebut.pipeline.encoders.said:check"
    ),
}


def kind_of(encoder: str) -> Kind:
    """The kind of an encoder by name; nothing is known of one that was handed in."""
    return ENCODERS.get(encoder, Kind(""))


def make_encoder(spec: EncoderSpec) -> Encoder:
    """Load the encoder of a spec. Raises ConfigError for an unknown name, ModelError if absent."""
    if spec.encoder not in ENCODERS:
        raise ConfigError(f"no encoder {spec.encoder!r}", did_you_mean(spec.encoder, list(ENCODERS)))
    encoder: Encoder = _load(ENCODERS[spec.encoder].target)(spec)
    return encoder


def check(spec: EncoderSpec) -> None:
    """Raise what is wrong with a spec as far as it shows without loading: ConfigError or ModelError."""
    function = kind_of(spec.encoder).check
    if function:
        _load(function)(spec)


def repository_of(encoder: str, model: str, pretrained: str | None) -> str:
    """The hub repository of an encoder's weights."""
    function = kind_of(encoder).hub_name
    return str(_load(function)(model, pretrained)) if function else model


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
