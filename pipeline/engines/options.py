"""What a profile's ``[….options]`` may say to an engine; a wrong word is told before anything loads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import ConfigError, did_you_mean


def check_names(options: Mapping[str, Any], known: Collection[str]) -> None:
    """Raises ConfigError for an option that the engine does not have."""
    for name in options:
        if name not in known:
            raise ConfigError(f"no engine option {name!r}", did_you_mean(name, list(known)))


def template_of(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments of the model's chat template. Raises ConfigError where they are no table."""
    template = options.get("template", {})
    if not isinstance(template, Mapping):
        raise ConfigError(
            "engine option template is no table", "as in template = { enable_thinking = false }"
        )
    return template
