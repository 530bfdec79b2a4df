"""What the profile says about an OpenAI-compatible server, and where the key to it comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigError, check_choice
from .options import check_names

STRUCTURED = ("json_schema", "json_object", "none")
# Local servers ask for no key, and the client will not start without one.
NO_KEY = "none"


@dataclass(frozen=True)
class Server:
    """The options of the openai engine.

    ``concurrency``: requests in flight at most. ``timeout``: seconds of one attempt.
    ``attempts``: of one request, the first included. ``structured``: how a schema is handed over.
    ``api_key_env``: the environment variable that holds the key, which lives nowhere else.
    ``rename`` (field to its name there), ``omit`` (fields left out), ``extra_body`` (fields on top,
    such as chat_template_kwargs) and ``headers`` shape what is sent.
    """

    base_url: str = "https://api.openai.com/v1"
    concurrency: int = 16
    timeout: float = 120.0
    attempts: int = 6
    structured: str = "json_schema"
    api_key_env: str = "OPENAI_API_KEY"
    rename: dict[str, str] = field(default_factory=dict)
    omit: list[str] = field(default_factory=list)
    extra_body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(options: Mapping[str, Any]) -> Server:
        """The server of a profile's options. Raises ConfigError for what does not hold."""
        known: dict[str, type] = {
            one.name: type(one.default if one.default_factory is MISSING else one.default_factory())
            for one in fields(Server)
        }
        check_names(options, known)
        for name, value in options.items():
            kind = (int, float) if known[name] is float else known[name]
            if not isinstance(value, kind) or isinstance(value, bool):
                raise ConfigError(f"engine option {name}: {value!r} is no {known[name].__name__}")
            if known[name] in (int, float) and not float(str(value)) > 0:
                raise ConfigError(f"engine option {name}: {value!r} is not above 0")
        server = Server(**options)
        server._check()
        return server

    def _check(self) -> None:
        texts = [*self.rename.values(), *self.omit, *self.headers.values()]
        if not all(isinstance(text, str) and text.isascii() for text in texts):
            raise ConfigError("engine options rename, omit and headers hold plain texts alone")
        check_choice("engine option structured", self.structured, STRUCTURED)
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("engine option base_url is no http address", "as in http://localhost:8000/v1")
        if parts.username or parts.password or parts.query:  # it would be printed and logged
            raise ConfigError(
                "engine option base_url carries a secret",
                f"leave the address alone in it, and put the key into {self.api_key_env}",
            )

    def __hash__(self) -> int:
        return hash((self.base_url, self.api_key_env, self.timeout))

    @property
    def is_here(self) -> bool:
        """Whether the server runs on this machine."""
        host = urlsplit(self.base_url).hostname or ""
        return host in ("localhost", "::1") or host.startswith("127.")

    def key(self) -> str:
        """The key, or a placeholder. Raises ConfigError for one that no header can carry."""
        key = os.environ.get(self.api_key_env, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise ConfigError(f"the environment variable {self.api_key_env} holds no usable key")
        return key or NO_KEY
