"""Talk with models: messages, how a reply is written, replies, and what a trace keeps of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Message:
    """One chat message; ``images`` are shown to a model that can see, before the text."""

    role: str
    text: str
    images: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Sampling:
    """How an engine writes: part of the cache key."""

    max_tokens: int = 512
    temperature: float = 0.0
    seed: int = 0


REFUSED, FAILED = "refused", "failed"


@dataclass(frozen=True)
class Reply:
    """One raw answer of an engine, with what it cost.

    ``finish`` says how it ended: "stop", "length" (cut at the token limit), "content_filter", or
    what a server calls it. Where there is no answer, ``error`` says why, and ``finish`` is
    "refused" (this prompt cannot be taken: asking again changes nothing) or "failed" (no answer
    came: asking again may help). ``served`` is what the server says about the model that answered.
    ``chances`` are the probabilities of the request's choices as the reply's first token.
    """

    text: str
    prompt_tokens: int = 0
    reply_tokens: int = 0
    seconds: float = 0.0
    cached: bool = False
    finish: str = "stop"
    error: str = ""
    served: str = ""
    chances: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens, of prompts (``input``) and of replies (``output``)."""

    input: float
    output: float

    def of(self, prompt_tokens: float, reply_tokens: float) -> float:
        """Dollars for so many tokens."""
        return (prompt_tokens * self.input + reply_tokens * self.output) / 1e6


@dataclass(frozen=True)
class Exchange:
    """One model call of a stage, as kept in the trace; ``repaired``: read leniently.

    ``revision`` says which weights ``model`` were: a commit, the hash of a folder, or the profile's.
    """

    stage: str
    model: str
    prompt: str
    messages: tuple[Message, ...]
    reply: Reply
    repaired: bool = False
    revision: str = ""
