"""JSON by pydantic's writer: a fifth of the time of Python's, in which nobody else is answered."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json


def quick_json(content: Any) -> bytes:
    """The content in UTF-8; in ASCII where a name has bytes that are no text, so that they pass.

    Raises ValueError for a number that JSON has not.
    """
    try:
        quick = to_json(content)
    except PydanticSerializationError:
        quick = b"NaN"
    if b"NaN" in quick or b"Infinity" in quick:  # a number or a name: Python's writer knows
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    return quick
