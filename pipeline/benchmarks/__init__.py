"""Benchmarks: readers of the official layouts, their protocols, metrics and submission files."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from .records import Benchmark

# Name → the module that reads it: ``SPLITS``, ``load``, and ``SERVER`` where one takes submissions.
BENCHMARKS = {
    name: f"likebut.pipeline.benchmarks.{name}"
    for name in ("cirr", "circo", "fashioniq", "genecis", "icir", "inquire", "chatir", "pocket", "jsonl")
}


def reader(name: str) -> ModuleType:
    """The module that reads benchmark ``name``. Raises ConfigError with a suggestion."""
    if name not in BENCHMARKS:
        raise ConfigError(f"unknown benchmark {name!r}", did_you_mean(name, list(BENCHMARKS)))
    return import_module(BENCHMARKS[name])


def options_of(name: str) -> list[str]:
    """The options of a benchmark's protocol, by name."""
    always = ("data", "split", "allow_missing", "annotations_only")
    return [one for one in inspect.signature(reader(name).load).parameters if one not in always]


def load(
    name: str,
    data: Path,
    split: str = "",
    *,
    allow_missing: bool = False,
    annotations_only: bool = False,
    **options: Any,
) -> Benchmark:
    """The benchmark in ``data``; ``split`` is its first one unless named.

    ``annotations_only`` looks for no picture: enough to score a submission file.

    ``options`` are those of its protocol (join, exclude_reference, shared_concept, …). Raises
    ConfigError for a name, split or option that is not there, InputError for bad data.
    """
    module = reader(name)
    split = split or module.SPLITS[0]
    if split not in module.SPLITS:
        raise ConfigError(f"{name} has no split {split!r}", did_you_mean(split, list(module.SPLITS)))
    known = options_of(name)
    for option in options:
        if option not in known:
            raise ConfigError(f"{name} has no option {option!r}", did_you_mean(option, known))
    benchmark: Benchmark = module.load(
        data, split, allow_missing=allow_missing, annotations_only=annotations_only, **options
    )
    return benchmark
