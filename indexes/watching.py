"""Whether the head of a Ray cluster is still there: Ray waits for one a minute, and then ends the process.

So it is asked beside the work, and where it answers no more, who waits for its workers is woken up and
told, before Ray does away with the process and all it could say.
"""

from __future__ import annotations

import socket
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread, current_thread, main_thread
from time import monotonic

EVERY = 2.0  # seconds between two looks
PATIENCE = 20.0  # seconds that a head may be away: one that is started again is taken up by Ray


class Watch:
    """Looks at ``host:port`` until it is closed."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._place = host.strip("[]"), int(port)
        self.lost = False
        self._waits, self._lock, self._over = 0, Lock(), Event()
        Thread(target=self._look, name="likebut-head", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()

    @contextmanager
    def minding(self) -> Iterator[None]:
        """Work that needs the cluster. Raises ``ConnectionError`` where its head is lost; where that
        happens on the way, at once if this is the main thread.
        """
        mine = int(current_thread() is main_thread())
        try:
            self._check()
            with self._lock:
                self._waits += mine
            try:
                yield
            finally:
                with self._lock:
                    self._waits -= mine
        except KeyboardInterrupt:
            self._check()
            raise

    def _check(self) -> None:
        if self.lost:
            raise ConnectionError("its head does not answer")

    def _look(self) -> None:
        there = monotonic()
        while not self._over.wait(EVERY):
            if self._answers():
                there = monotonic()
            elif monotonic() - there >= PATIENCE:
                with self._lock:
                    self.lost = True
                    if self._waits:
                        interrupt_main()
                return

    def _answers(self) -> bool:
        try:
            socket.create_connection(self._place, EVERY).close()
        except OSError:
            return False
        return True
