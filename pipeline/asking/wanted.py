"""Whether anybody still waits for what models are asked: people of a server go away.

What asks models says so here, and the engine behind the cache looks after every reply that it has kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Unwanted(BaseException):
    """Nobody waits any more. No fault: nothing that repairs or reports errors may take it for one."""


_WANTED: ContextVar[Callable[[], bool] | None] = ContextVar("wanted", default=None)


@contextmanager
def as_long_as(wanted: Callable[[], bool]) -> Iterator[None]:
    """In the block, models are asked as long as this is so."""
    before = _WANTED.set(wanted)
    try:
        yield
    finally:
        _WANTED.reset(before)


def check_wanted() -> None:
    """Raises Unwanted where nobody waits any more."""
    wanted = _WANTED.get()
    if wanted and not wanted():
        raise Unwanted
