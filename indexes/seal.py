"""The checksum that a manifest holds of itself."""

from __future__ import annotations

import hashlib
import json
from typing import Any

MANIFEST = "manifest.json"


def seal(content: dict[str, Any]) -> dict[str, Any]:
    """``content`` with the checksum of everything else in it."""
    rest = {key: value for key, value in content.items() if key != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return {**rest, "checksum": hashlib.sha256(text.encode("ascii")).hexdigest()}


def is_sealed(content: object) -> bool:
    """Whether this is a manifest as it was written, of whatever format."""
    return isinstance(content, dict) and "checksum" in content and content == seal(content)
