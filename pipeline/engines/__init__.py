"""Engines run language and vision-language models; they are named here and loaded when used."""

from __future__ import annotations

from importlib import import_module
from typing import Literal, NamedTuple

from ..errors import ConfigError, did_you_mean
from .contract import Engine, EngineSpec


class Kind(NamedTuple):
    """What the rest of the product asks of an engine without loading it.

    ``target`` is its module and class. One that runs "here" takes time and no money. Its weights are
    a commit of the hub, a file, lie with a server, or there are none. ``package`` is what it imports
    beyond what every installation has, and ``extra`` the extra of likebut that brings it.
    """

    target: str
    runs: Literal["here", "server"] = "here"
    weights: Literal["hub", "file", "server", "none"] = "hub"
    package: str = ""
    extra: str = ""


ENGINES = {
    "transformers": Kind("likebut.pipeline.engines.transformers:TransformersEngine"),
    "vllm": Kind("likebut.pipeline.engines.vllm:VLLMEngine", package="vllm", extra="vllm"),
    "openai": Kind(
        "likebut.pipeline.engines.openai:OpenAIEngine", "server", "server", package="openai", extra="openai"
    ),
    "scripted": Kind("likebut.pipeline.engines.scripted:ScriptedEngine", weights="file"),
    "overlap": Kind("likebut.pipeline.engines.overlap:OverlapEngine", weights="none"),
    "labels": Kind(
        "likebut.pipeline.engines.labels:LabelsEngine",
        weights="none",
        package="efficientnet_lite_pytorch",
        extra="photos",
    ),
}
_HANDED_IN = Kind("", "server", "file")  # nothing is known of it


def kind_of(engine: str) -> Kind:
    """The kind of an engine by name; of one that was handed in, nothing is taken for granted."""
    return ENGINES.get(engine, _HANDED_IN)


def make_engine(spec: EngineSpec) -> Engine:
    """Load the engine of a spec. Raises ConfigError for an unknown name, ModelError if absent."""
    if spec.engine not in ENGINES:
        raise ConfigError(f"no engine {spec.engine!r}", did_you_mean(spec.engine, list(ENGINES)))
    module, _, name = ENGINES[spec.engine].target.partition(":")
    engine: Engine = getattr(import_module(module), name)(spec)
    return engine
