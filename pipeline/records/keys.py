"""Canonical JSON, keys by content, and a question in two parts: what it shares, and its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...indexes.remote import as_address, read


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, ASCII, no spaces; equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def content_key(**parts: Any) -> str:
    """SHA-256 over named parts in canonical JSON."""
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def split_question(question: Mapping[str, Any]) -> tuple[str, str]:
    """(frame, asked) in canonical JSON: what questions share, and [last message, repeat]."""
    *before, last = question["messages"]
    frame = {**question, "messages": before}
    repeat = frame.pop("repeat")
    return canonical(frame), canonical([last, repeat])


def join_question(frame: str, asked: str) -> dict[str, Any]:
    """The question of `split_question`."""
    shared = json.loads(frame)
    last, repeat = json.loads(asked)
    return {**shared, "messages": [*shared["messages"], last], "repeat": repeat}


@lru_cache(maxsize=1 << 16)  # a sweep of more pictures than this finds none again
def _file_hash(path: Path, size: int, mtime: int, inode: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of the bytes of a file, or of what lies at an address."""
    if address := as_address(path):
        return hashlib.sha256(read(address)).hexdigest()
    facts = path.stat()
    return _file_hash(path, facts.st_size, facts.st_mtime_ns, facts.st_ino)
