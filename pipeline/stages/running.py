"""A stage run over traces: those that have an error pass it by, the others share its seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from ..records.trace import Trace
from .contract import Stage


def run(stage: Stage, traces: Sequence[Trace]) -> list[Trace]:
    """The traces, in order; those without an error went through the stage and share its seconds."""
    alive = [n for n, trace in enumerate(traces) if not trace.error]
    found = list(traces)
    if not alive:
        return found
    started = time.perf_counter()
    done = stage([traces[n] for n in alive])
    each = (time.perf_counter() - started) / len(alive)
    for n, trace in zip(alive, done, strict=True):
        before = trace.seconds.get(stage.name, 0.0)  # of another judge
        found[n] = replace(trace, seconds={**trace.seconds, stage.name: before + each})
    return found
