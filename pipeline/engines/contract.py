"""What an engine is: something that answers chat messages, a batch at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.records import Message, Reply, Sampling


@dataclass(frozen=True)
class EngineSpec:
    """Which model an engine runs, and where; ``device`` and ``dtype`` may be "auto"."""

    engine: str
    model: str
    revision: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = 8
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One conversation to continue; ``schema`` is the JSON schema that the reply should fit."""

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    schema: Mapping[str, Any] | None = None


class Engine(Protocol):
    """Answers requests in order. ``sees`` says whether it looks at images."""

    sees: bool

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """One reply per request, in the same order."""
        ...
