"""Manifests: JSON files that hold a checksum of themselves, and are replaced in one step."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
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


def write_sealed(folder: Path, workspace: Path, content: dict[str, Any]) -> None:
    """Replace the manifest of ``folder`` in one step; ``workspace`` is on the same disk."""
    draft = workspace / MANIFEST
    with draft.open("w", encoding="ascii") as file:
        json.dump(seal(content), file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, folder / MANIFEST)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
