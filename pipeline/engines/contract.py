"""What an engine is: something that answers chat messages, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..records.chat import Message, Reply, Sampling


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
    """One conversation to continue; ``schema`` is the JSON schema that the reply should fit.

    With ``choices`` no reply is written: what is wanted is how probable each of these words is as the
    next token, in all its spellings that are one (" Yes", "yes").
    """

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    schema: Mapping[str, Any] | None = None
    choices: tuple[str, ...] = ()


# Takes the place of a request and its reply, in the thread that called the engine.
OnReply = Callable[[int, Reply], None]


class Engine(Protocol):
    """Answers requests in order; how many at once is its own affair.

    ``sees`` says whether it looks at images.
    """

    sees: bool

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """One reply per request, in the same order; each succeeds or fails alone.

        A request without an answer gets a Reply with its ``error``. Raises only where no request
        could be answered: ConfigError for settings, ModelError for a model that cannot be had.
        ``on_reply`` is handed every reply the moment it is there, in any order, once; what it was
        handed before a raise or an interrupt is not lost.
        """
        ...


def one_by_one(
    requests: Sequence[Request], answer: Callable[[Request], Reply], on_reply: OnReply | None
) -> list[Reply]:
    """Replies in order, each handed on the moment it is there: an engine that has nothing to batch."""
    replies = []
    for place, request in enumerate(requests):
        replies.append(answer(request))
        if on_reply:
            on_reply(place, replies[-1])
    return replies
