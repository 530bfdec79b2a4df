"""How often one client may ask: a bucket each that fills again with time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_CLIENTS = 1000


class Rates:
    """``each`` requests a second, ``each`` × ``burst`` at once; 0: no limit. In one thread."""

    def __init__(
        self, each: float, burst: float = 3.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.each, self.most, self.clock = each, each * burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, cost: float = 1.0) -> float:
        """Takes ``cost`` from what a client has left; the seconds to wait where that is too little."""
        if not self.each:
            return 0.0
        now = self.clock()
        left, then = self._left.pop(client, (self.most, now))
        left = min(self.most, left + (now - then) * self.each)
        short = cost - left
        self._left[client] = (left if short > 0 else left - cost, now)
        while len(self._left) > _CLIENTS:
            self._left.popitem(last=False)
        return short / self.each if short > 0 else 0.0
