"""What a server's refusal is about: one request, all of them, or a moment that passes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ConfigError, ModelError
from ..records.chat import REFUSED, Reply
from .server import Server

_PASSING = (408, 409, 429)
_SHOWN = 200
# How servers and the libraries behind them speak of a schema that they cannot hold a reply to.
_SCHEMA = re.compile(
    r"response_?format|schema|guided|grammar|structured[ _-]?output|json[ _-]?(?:mode|object)|"
    r"response_?mime_?type|additional_?properties|(?:max|min)_?(?:length|items)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Passing:
    """An attempt that failed and may be made again, after ``seconds`` at least."""

    why: str
    seconds: float = 0.0
    unreachable: bool = False


@dataclass(frozen=True)
class Refusal:
    """What a server said instead of answering.

    ``code`` is an HTTP status, 0 where none is told; ``seconds`` are asked for before the next try;
    ``spent``: the account has no quota; ``untried``: a schema went along that it never answered to.
    """

    code: int
    said: str
    seconds: float = 0.0
    spent: bool = False
    untried: bool = False


def judge(refusal: Refusal, model: str, server: Server) -> Reply | Passing:
    """What becomes of the request. Raises ModelError or ConfigError where it is about all requests.

    Some servers fail (HTTP 500) at a schema that they cannot compile, so the words decide: a server
    that has answered to this schema before does not mean it.
    """
    code, said = refusal.code, refusal.said[:_SHOWN]
    where = f"{model} at {server.base_url}"
    words = f"HTTP {code}: {said}" if code else f"the server says: {said}"
    if code in (401, 403):
        raise ModelError(
            f"the server refuses access to {where} (HTTP {code})",
            f"set the environment variable {server.api_key_env} to a valid key",
        )
    if code == 404:
        raise ModelError(f"no model {where}: {said}", "correct model or base_url in the profile")
    if refusal.spent:
        raise ModelError(f"the account has no quota left for {where}", "top it up")
    if code not in _PASSING and refusal.untried and _SCHEMA.search(refusal.said):
        others = {"json_schema": '"json_object" or "none"'}.get(server.structured, '"none"')
        raise ConfigError(
            f"{where} takes no structured = {server.structured!r}: {said}",
            f"set structured = {others} in the profile's options",
        )
    if not code or code in _PASSING or code >= 500:
        return Passing(words, refusal.seconds)
    return Reply("", finish=REFUSED, error=words)
