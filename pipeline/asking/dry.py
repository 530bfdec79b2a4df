"""An engine for dry runs: it looks into the cache, and stands in for the model where that is silent.

It counts every question once and asks, loads and fetches nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engines import tokens
from ..engines.contract import Request
from ..records.chat import REFUSED, Reply
from ..records.keys import content_key
from .engine import CachedEngine

SHARE = 1 / 3  # of max_tokens: a reply, where no reply of the model is known
_WORD = "…"  # what stand-ins are filled up with


@dataclass(frozen=True)
class Call:
    """A question by its prompt tokens, about, and its reply where the cache has it."""

    prompt_tokens: float
    max_tokens: int
    reply: Reply | None


@dataclass
class AskedBefore:
    """What earlier estimates of one command counted: it will be in the cache by then."""

    keys: set[str] = field(default_factory=set)


class DryEngine(CachedEngine):
    """Takes the place of a CachedEngine; ``typical`` of its model are (reply tokens, seconds)."""

    def __init__(self, real: CachedEngine, asked: AskedBefore) -> None:
        super().__init__(real.spec, real.cache, account=real.account)
        self.model, self._revision = real.model, real._revision
        self.typical = real.cache.typical(real.model)
        self._asked = asked
        self._seen: set[str] = set()
        self._fresh: list[Call] = []

    def _fetched(self) -> str:
        return "not here yet"

    def generate(self, requests: Sequence[Request], repeat: int = 0) -> list[Reply]:
        """A reply per request, in order, of the cache or a stand-in."""
        keys = [content_key(**self._question(request, repeat)) for request in requests]
        known = self.cache.answers(keys)
        replies = []
        for key, request in zip(keys, requests, strict=True):
            reply = known.get(key)
            if key not in self._seen:
                earlier = Reply("") if key in self._asked.keys else None
                limit = request.sampling.max_tokens
                self._fresh.append(Call(self.prompt_tokens(request), limit, reply or earlier))
                self._seen.add(key)
            replies.append(reply or self._stand_in(key, request))
        return replies

    def take(self) -> list[Call]:
        """The new questions since the last time."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def close(self) -> None:
        """Let later estimates of the same command know what was asked."""
        self._asked.keys |= self._seen

    def _stand_in(self, key: str, request: Request) -> Reply:
        """A usable reply; a text is of the usual length, and another one for another question."""
        if request.schema is not None:
            return _fitting(request.schema)
        length = (self.typical or (0.0, 0.0))[0] or SHARE * request.sampling.max_tokens
        return Reply(f"picture {key[:16]} ".ljust(round(length) * tokens.CHARACTERS, _WORD))


def _fitting(schema: Mapping[str, Any]) -> Reply:
    """A JSON reply that fits, else one that ends the asking."""
    from jsonschema import Draft202012Validator

    value = _instance(schema)
    if Draft202012Validator(schema).is_valid(value):
        return Reply(json.dumps(value))
    return Reply("", finish=REFUSED, error="nothing is asked in a dry run")


def _instance(schema: Mapping[str, Any]) -> Any:
    """The smallest value of a plain schema: what is required, as short as it may be."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        parts = schema.get("properties", {})
        return {name: _instance(parts.get(name, {})) for name in schema.get("required", ())}
    if kind == "array":
        return [_instance(schema.get("items", {}))] * schema.get("minItems", 0)
    if kind == "string":
        return _WORD * max(1, schema.get("minLength", 1))
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return False if kind == "boolean" else None
