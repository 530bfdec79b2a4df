"""Engines run language and vision-language models; they are named here and loaded when used."""

from __future__ import annotations

from importlib import import_module

from pipeline.engines.contract import Engine, EngineSpec
from pipeline.errors import ConfigError, did_you_mean

ENGINES = {
    "transformers": "pipeline.engines.transformers:TransformersEngine",
    "vllm": "pipeline.engines.vllm:VLLMEngine",
    "openai": "pipeline.engines.openai:OpenAIEngine",
    "scripted": "pipeline.engines.scripted:ScriptedEngine",
}


def make_engine(spec: EngineSpec) -> Engine:
    """Load the engine of a spec. Raises ConfigError for an unknown name, ModelError if absent."""
    if spec.engine not in ENGINES:
        raise ConfigError(f"no engine {spec.engine!r}", did_you_mean(spec.engine, list(ENGINES)))
    module, _, name = ENGINES[spec.engine].partition(":")
    engine: Engine = getattr(import_module(module), name)(spec)
    return engine
