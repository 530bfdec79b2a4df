"""How long to wait before a server is asked again.

Exponential back-off with full jitter (Brooker, "Exponential Backoff And Jitter", 2015): the n-th
wait is a uniform draw from 0 to min(LONGEST, FIRST · 2ⁿ) seconds, so that many clients who failed
together do not come back together. A Retry-After header (RFC 9110, 10.2.3) is waited for first.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime

FIRST, LONGEST = 0.5, 30.0


def wait(attempt: int, at_least: float, draw: Callable[[float, float], float]) -> float:
    """Seconds to wait after the failure of ``attempt`` (from 0), ``at_least`` what was asked for."""
    return at_least + draw(0.0, min(LONGEST, FIRST * 2.0**attempt))


def retry_after(header: str | None, now: float) -> float:
    """Seconds that a Retry-After header asks for, given as seconds or as a date; else 0.

    ``now`` is in seconds since the epoch.
    """
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except (TypeError, ValueError, OverflowError):
            return 0.0
    return max(0.0, seconds) if seconds < float("inf") else 0.0
