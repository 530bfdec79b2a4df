"""A file in memory that is written to and emptied as it grows."""

from __future__ import annotations

import io
from typing import Any


class Sink(io.RawIOBase):
    """Keeps what is written until it is taken; it cannot be turned back."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Take all of it."""
        self.parts.append(bytes(data))
        return len(self.parts[-1])

    def taken(self) -> bytes:
        """What was written since."""
        whole = b"".join(self.parts)
        self.parts.clear()
        return whole
