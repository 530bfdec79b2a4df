"""An answer that takes its time: for whoever hangs up before it, nothing more is done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from starlette.requests import Request

from .asker import Asker
from .lane import OnStage
from .warm import nobody

_Answer = TypeVar("_Answer")


async def attended(request: Request, work: Callable[[OnStage], Awaitable[_Answer]]) -> _Answer:
    """What ``work`` gives, told to give up where the request's connection ends; its body was read before.

    Raises what the work raises.
    """
    asker = Asker(nobody)
    watching = asyncio.create_task(_watch(request, asker))
    try:
        return await work(asker)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch(request: Request, asker: Asker) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    asker.leave()
