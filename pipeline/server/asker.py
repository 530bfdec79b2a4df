"""Who asked for a step: hears of its stages, and may go away before it is done."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .problems import Refused

GONE = 499  # as nginx says it; whoever it concerns does not listen


class Asker:
    """Called with each stage as it begins and ends; of several threads at once."""

    def __init__(self, told: Callable[[str, bool], None]) -> None:
        self.gone = False
        self._told, self._leaving = told, list[Callable[[], None]]()
        self._lock = threading.Lock()

    def __call__(self, stage: str, done: bool) -> None:
        """Tell it of a stage."""
        self._told(stage, done)

    def on_leaving(self, leaving: Callable[[], None]) -> None:
        """Call this when it goes away, or now."""
        with self._lock:
            self._leaving.append(leaving)
            gone = self.gone
        if gone:
            leaving()

    def leave(self) -> None:
        """It waits no longer."""
        with self._lock:
            self.gone, leaving = True, list(self._leaving)
        for one in leaving:
            one()


def check_there(told: object) -> None:
    """Raises Refused where whoever asked went away."""
    if isinstance(told, Asker) and told.gone:
        raise cancelled()


def cancelled() -> Refused:
    """What becomes of a step that nobody waits for."""
    return Refused(GONE, "cancelled", "say it again")
