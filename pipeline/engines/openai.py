"""Models behind any OpenAI-compatible server: vLLM, llama.cpp, Ollama, hosted ones.

Many requests are in flight at once, and each succeeds or fails alone. What may pass (a connection
that breaks, a time-out, 408, 409, 429, 5xx, a body that is cut) is tried again with back-off; what
will not pass is said at once.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...indexes.errors import GalleryError
from ..errors import InputError, ModelError
from ..machine.devices import network_is_forbidden
from ..records.chat import FAILED, REFUSED, Reply
from . import backoff, chat, wire
from .contract import EngineSpec, OnReply, Request
from .fields import Fields
from .refusals import Passing, Refusal, judge
from .server import NO_KEY, Server

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_ENDLESS = Reply("", finish=FAILED, error="the server's answer is endlessly long")
# A server that asks for more than this many seconds is as good as away.
LONGEST_WAIT = 600.0


@dataclass
class _Round:
    """One call of `generate`: the client, places still to be asked, replies by place."""

    client: AsyncOpenAI
    waiting: deque[int]
    replies: dict[int, Reply]
    closing: asyncio.Event


class OpenAIEngine:
    """One model of one server; see `Server` for the options.

    ``sleep``, ``now`` (seconds since the epoch) and ``draw`` (uniform between two numbers) are
    handed in by tests.
    """

    sees = True

    def __init__(
        self,
        spec: EngineSpec,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.model = spec.model
        self.server = Server.of(spec.options)
        self._sleep, self._now, self._draw = sleep, now, draw
        self._reached = False
        self._taken: set[str] = {""}  # the schemas that it has answered to
        self._fields = Fields(self.server.rename, self.server.omit, self.server.extra_body)
        if network_is_forbidden() and not self.server.is_here:
            raise ModelError(
                f"{self.server.base_url} is another machine, and --offline forbids the network",
                "leave out --offline, or choose another profile",
            )
        try:
            import openai
        except ImportError as problem:
            raise ModelError(
                "the openai engine needs the package openai", "pip install 'likebut[openai]'"
            ) from problem
        self._openai = openai

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """One reply per request, in order; each is handed to ``on_reply`` as it comes.

        Raises ModelError for a server that is not there, a key that is refused and a model that
        is unknown, and ConfigError for one that takes no ``structured`` requests of this kind.
        Even then the answers that are on their way are waited for.
        """
        return asyncio.run(self._generate(requests, on_reply)) if requests else []

    async def _generate(self, requests: Sequence[Request], on_reply: OnReply | None) -> list[Reply]:
        async with self._connect() as client:
            now = _Round(client, deque(range(len(requests))), {}, asyncio.Event())
            count = min(self.server.concurrency, len(requests))
            workers = [self._work(requests, on_reply, now) for _ in range(count)]
            ends = await asyncio.gather(*workers, return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end
        return [now.replies[place] for place in range(len(requests))]

    def _connect(self) -> AsyncOpenAI:
        """A client without retries of its own; a server on this machine is asked past any proxy."""
        server = self.server
        transport = self._openai.DefaultAsyncHttpxClient(
            trust_env=not server.is_here,
            follow_redirects=False,  # prompts and keys go to the host that the profile names
            event_hooks={"response": [wire.bounded]},
        )
        return self._openai.AsyncOpenAI(
            api_key=server.key(),
            base_url=server.base_url,
            timeout=server.timeout,
            max_retries=0,
            http_client=transport,
            default_headers=server.headers or None,
        )

    async def _work(self, requests: Sequence[Request], on_reply: OnReply | None, now: _Round) -> None:
        """Answer what is waiting until nothing is. A failure of everything stops the others."""
        try:
            while now.waiting:
                place = now.waiting.popleft()
                now.replies[place] = reply = await self._answer(requests[place], now)
                if on_reply:
                    on_reply(place, reply)
        except BaseException:
            now.waiting.clear()
            now.closing.set()
            raise

    async def _answer(self, request: Request, now: _Round) -> Reply:
        """The reply of one request, or why there is none."""
        try:
            body = await asyncio.to_thread(chat.body, self.model, request, self.server.structured)
        except (GalleryError, InputError) as problem:
            return Reply("", finish=REFUSED, error=problem.message)
        trouble = Passing("it was not asked")
        for attempt in range(self.server.attempts):
            if attempt:
                pause = backoff.wait(attempt - 1, trouble.seconds, self._draw)
                await self._pause(pause, now.closing)
            outcome = await self._attempt(body, request.choices, now)
            if isinstance(outcome, Reply):
                return outcome
            trouble = outcome
            if now.closing.is_set() or trouble.seconds > LONGEST_WAIT:
                break
        if trouble.unreachable and not self._reached:
            raise ModelError(
                f"no server answers at {self.server.base_url}",
                "start it, or correct base_url in the profile",
            )
        why = trouble.why
        if trouble.seconds > LONGEST_WAIT:
            why += f"; the server asks to be left alone for {wire.span(trouble.seconds)}"
        return Reply("", finish=FAILED, error=f"{why} ({attempt + 1} attempts)")

    async def _pause(self, seconds: float, closing: asyncio.Event) -> None:
        """Wait so long, or until the whole round is given up."""
        waits = [asyncio.ensure_future(one) for one in (self._sleep(seconds), closing.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _attempt(
        self, body: dict[str, Any], choices: tuple[str, ...], now: _Round
    ) -> Reply | Passing:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.server.timeout):  # the client's counts silences only
                raw = await self._ask(body, now)
            self._reached = True
            reply = chat.read(raw.content, choices)
            self._taken.add(_held(body))
        except chat.BrokenAnswer:
            return Passing("the server's answer was cut or is no chat completion")
        except (TimeoutError, self._openai.APITimeoutError):
            return Passing(f"no answer within {self.server.timeout:g} seconds")
        except chat.Complaint as problem:
            return self._judged(Refusal(problem.code, self._masked(problem.words)), body)
        except self._openai.APIStatusError as problem:
            self._reached = True
            return self._judged(self._refusal(problem), body)
        except wire.TooLarge:
            return _ENDLESS
        except self._openai.APIConnectionError as problem:
            if any(isinstance(one, wire.TooLarge) for one in wire.causes(problem)):
                return _ENDLESS  # clients before 2 wrap what a stream raises
            if fault := wire.tls_fault(problem, self.server.base_url):
                raise ModelError(*fault) from problem
            away = type(problem.__cause__).__name__.startswith("Connect")
            self._reached |= not away
            return Passing("the connection to the server failed", unreachable=away)
        served = "; ".join([part for part in (reply.served, *self._fields.learnt) if part])
        return replace(reply, seconds=time.perf_counter() - started, served=served)

    async def _ask(self, body: dict[str, Any], now: _Round) -> Any:
        """The raw answer; where the server takes a field by another name or not, asked again so."""
        while True:
            shaped = self._fields.shaped(body)
            try:
                return await now.client.chat.completions.with_raw_response.create(**shaped)
            except self._openai.BadRequestError as problem:
                # Others may have learnt it while this was on its way.
                known = shaped != self._fields.shaped(body)
                if not known and not self._fields.learn(self._words(problem)):
                    raise

    def _judged(self, refusal: Refusal, body: dict[str, Any]) -> Reply | Passing:
        """What becomes of a request that was refused. Raises where it is about all of them."""
        untried = _held(body) not in self._taken
        return judge(replace(refusal, untried=untried), self.model, self.server)

    def _refusal(self, problem: APIStatusError) -> Refusal:
        """An HTTP error. Raises ModelError for a redirect."""
        code, headers = problem.status_code, problem.response.headers
        if 300 <= code < 400:
            raise ModelError(
                f"{self.server.base_url} sends requests on to {wire.elsewhere(headers)}",
                "prompts are not sent there: write that address into base_url if it is meant",
            )
        seconds = backoff.retry_after(headers.get("retry-after"), self._now())
        spent = getattr(problem, "code", None) == "insufficient_quota"  # a 429 that does not pass
        return Refusal(code, self._words(problem), seconds, spent)

    def _words(self, problem: APIStatusError) -> str:
        """What the server said, on one line, never with the key."""
        return self._masked(chat.complaint(problem.body) or str(problem.response.reason_phrase))

    def _masked(self, words: str) -> str:
        key = self.server.key()
        return words if key == NO_KEY else words.replace(key, "…")


def _held(body: dict[str, Any]) -> str:
    """What a request says of the schema of its reply; nothing where it has none."""
    return json.dumps(body["response_format"]) if "response_format" in body else ""
