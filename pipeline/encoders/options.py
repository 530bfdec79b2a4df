"""What a profile's ``[encoder.options]`` may say; a wrong word is told before anything loads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import ConfigError, did_you_mean


def check_names(encoder: str, options: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Raises ConfigError for an option that ``encoder`` does not have."""
    for name in options:
        if name not in known:
            hint = did_you_mean(name, list(known)) if known else "it has none"
            raise ConfigError(f"encoder {encoder} has no option {name!r}", hint)
