"""A step that tells of its stages while they run: server-sent events, then the session."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from ...indexes.errors import GalleryError
from ..errors import LikebutError
from .asker import Asker
from .lane import OnStage
from .problems import told
from .quick_json import quick_json

Event = tuple[str, Any]
_WORKING: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected


def event(name: str, data: Any) -> bytes:
    """One event as it is sent; bytes are one line of JSON already."""
    text = data if isinstance(data, bytes) else quick_json(data)
    return b"event: %s\ndata: %s\n\n" % (name.encode(), text)


async def stages(work: Callable[[OnStage], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    """Events `stage` as ``work`` tells of them, then `session` with what it gives, or `problem`.

    Where nobody listens any more, the work is told so, and gives up where it can.
    """
    waiting: asyncio.Queue[Event | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def hear(stage: str, done: bool) -> None:
        with suppress(RuntimeError):  # the server is ending
            loop.call_soon_threadsafe(waiting.put_nowait, ("stage", {"stage": stage, "done": done}))

    asker = Asker(hear)

    async def finish() -> None:
        try:
            await waiting.put(("session", await work(asker)))
        except (LikebutError, GalleryError) as problem:
            await waiting.put(("problem", told(problem)))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            hint = "its terminal says more"
            await waiting.put(
                ("problem", {"status": 500, "message": "this is a bug of the server", "hint": hint})
            )
        finally:
            await waiting.put(None)

    task = asyncio.create_task(finish())
    _WORKING.add(task)
    task.add_done_callback(_WORKING.discard)
    try:
        while (found := await waiting.get()) is not None:
            yield event(*found)
    finally:
        if not task.done():
            asker.leave()
    await task
