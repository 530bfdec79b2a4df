"""How a process ended, in words."""

from __future__ import annotations

import signal
from contextlib import suppress


def how_ended(code: int | None) -> str:
    """``code`` is its exit code, minus the number of a signal that killed it, or None where it lives."""
    if code is None:
        return "fell silent"
    if code >= 0:
        return f"ended with code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
