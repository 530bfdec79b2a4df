"""The service behind the addresses: galleries, sessions, threads, and how many may wait for them.

A step that asks models has a thread that waits for the lane; one that ranks again has a thread of
another pool, and so never waits behind models. Steps of one session go one after the other.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from ..records.dialogue import Dialogue
from ..stages.conversation import Session
from .asked import StepAsked
from .asker import check_there
from .galleries import Galleries
from .lane import OnStage
from .opening import open_folder
from .pictures import Thumbnails
from .problems import Refused
from .sessions import About, Sessions
from .steps import HITS, QUICK, take
from .views import session_json
from .warm import Warm, nobody

_Value = TypeVar("_Value")
ROOM = 64  # steps that may wait in each pool


@dataclass(frozen=True)
class Pool:
    """Threads for one kind of work, and how much of it may wait."""

    threads: ThreadPoolExecutor
    room: int
    held: list[int]

    @classmethod
    def of(cls, name: str, threads: int, room: int = ROOM) -> Pool:
        """A pool of so many threads."""
        return cls(ThreadPoolExecutor(threads, f"likebut-{name}"), threads + room, [0])

    async def run(self, work: Callable[..., _Value], *given: Any) -> _Value:
        """What the work gives, done in a thread. Raises Refused where too much waits."""
        if self.held[0] >= self.room:
            raise Refused(429, "too many requests wait", "try again in a moment", after=1)
        self.held[0] += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self.threads, functools.partial(work, *given))
        finally:
            self.held[0] -= 1


class Service:
    """All that answers requests; ``local`` says whether only this machine can reach it."""

    def __init__(
        self,
        galleries: Galleries,
        sessions: Sessions,
        *,
        local: bool = True,
        opener: Callable[[str], None] = open_folder,
    ) -> None:
        self.galleries, self.sessions, self.local, self.opener = galleries, sessions, local, opener
        self.thumbnails = Thumbnails()
        self.models = Pool.of("step", ROOM)  # they wait, for most of the time
        self.quick = Pool.of("rank", 4)
        self.pictures = Pool.of("picture", 2, 400)
        self.files = Pool.of("file", 4, 200)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, ident: str) -> asyncio.Lock:
        """The lock of a session, the same for all who ask for it."""
        found = self._locks.get(ident)
        if found is None:
            found = self._locks[ident] = asyncio.Lock()
        return found

    def composer_of(self, about: About) -> Warm:
        """The composer of a session. Raises Refused where its gallery is not served."""
        return self.galleries.get(about.gallery, about.recipe)

    async def shown(self, ident: str, turn: int | None = None) -> bytes:
        """The record of a session, or of another turn of it, in JSON."""
        return await self.files.run(self._shown, ident, turn)

    def _shown(self, ident: str, turn: int | None) -> bytes:
        about, dialogue = self.sessions.about(ident), self.sessions.dialogue(ident)
        dialogue = dialogue if turn is None else dialogue.gone(turn)
        return self._told(about, dialogue, self.composer_of(about))

    def _told(self, about: About, dialogue: Dialogue, composer: Warm) -> bytes:
        return session_json(about, dialogue, composer, self.sessions.texts(about.id, dialogue))

    async def step(self, ident: str, step: StepAsked, told: OnStage = nobody) -> bytes:
        """Do a step and write what became of it; the session's record in JSON.

        Raises Refused, ConfigError, InputError, and what models raise.
        """
        about = self.sessions.remembered(ident)
        composer = self.galleries.known(about.gallery, step.recipe or about.recipe) if about else None
        if composer is None:
            composer = await self.files.run(self._composer, ident, step.recipe)
        async with self.lock(ident):
            quick = step.do in QUICK and not (composer.judges and step.do in ("more", "less", "weigh"))
            pool = self.quick if quick else self.models
            return await pool.run(self._step, ident, step, composer, told)

    def _composer(self, ident: str, recipe: str) -> Warm:
        about = self.sessions.about(ident)
        return self.galleries.get(about.gallery, recipe or about.recipe)

    def _step(self, ident: str, step: StepAsked, composer: Warm, told: OnStage) -> bytes:
        self.galleries.warm.wait()
        check_there(told)
        about, dialogue = self.sessions.about(ident), self.sessions.dialogue(ident)
        session = Session(replace(composer, told=told), dialogue, HITS)
        take(session, step, functools.partial(self._picture, ident))
        if step.recipe:
            about = replace(about, recipe=step.recipe)
        check_there(told)
        with nullcontext() if step.do in QUICK else self.galleries.lane.after:
            about = self.sessions.keep(about, session.dialogue)
            return self._told(about, session.dialogue, composer)

    def _picture(self, ident: str, hashed: str) -> Path:
        return self.sessions.picture(ident, hashed)

    def at(self, ident: str) -> tuple[About, Dialogue, Warm]:
        """A session, its dialogue and its composer."""
        about = self.sessions.about(ident)
        return about, self.sessions.dialogue(ident), self.composer_of(about)

    def close(self) -> None:
        """Take no more work; what is being written is written."""
        for pool in (self.models, self.quick, self.pictures, self.files):
            pool.threads.shutdown(wait=False, cancel_futures=True)
        self.galleries.close()
