"""What the composer asks of a stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..records.trace import Trace

if TYPE_CHECKING:
    from ..asking.engine import CachedEngine


class Need(NamedTuple):
    """How often a stage asks an engine about one query at most, all retries included."""

    engine: CachedEngine
    calls: int


class Stage(Protocol):
    """One step of a query: it fills what is still empty in its traces, and keeps the rest."""

    @property
    def name(self) -> str:
        """What `until` and the seconds of a trace call it."""

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """The traces, in order, a step further; a query's own fault goes into its ``error``.

        None that comes in has an error. Raises what concerns all of them: BudgetReached, ModelError.
        """

    def needs(self) -> Sequence[Need]:
        """The engines it asks."""
