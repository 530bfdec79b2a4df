"""The gate in front of the app: every request passes it before anything of it is believed.

Name, origin, token, rate, kind and size of the body; and on the way out the headers that tell a browser to
trust nothing else. A problem is one line of JSON; a bug is told on stderr and not to the client.
"""

from __future__ import annotations

import asyncio
import math
import sys
import traceback
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...indexes.errors import GalleryError
from ..errors import LikebutError
from . import bodies
from .door import SAFE, Door
from .problems import Refused, answer, refusal
from .rates import Rates

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
UPLOADS = 4  # pictures that are received at once
_CHEAP = 0.1  # of a request that changes nothing


class Gate:
    """An ASGI app around another."""

    def __init__(self, app: ASGIApp, door: Door, rates: Rates) -> None:
        self.app, self.door, self.rates = app, door, rates
        self._uploads = asyncio.Semaphore(UPLOADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            if (early := await self._stopped(scope, receive)) is None:
                await self._through(scope, receive, guarded)
                return
        except (LikebutError, GalleryError) as problem:
            early = answer(problem)
        except Exception:
            traceback.print_exc(file=sys.stderr)
            early = refusal(500, "this is a bug of the server", "its terminal says more")
        if not begun:
            await early(scope, receive, guarded)

    async def _stopped(self, scope: Scope, receive: Receive) -> Response | None:
        """The response to a request that goes no further. Raises Refused."""
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        if len(headers.getlist("host")) != 1:
            raise Refused(400, "the request names no host", "send one Host header")
        self.door.check_host(headers["host"])
        self.door.check_origin(method, headers, path)
        client = scope["client"][0] if scope.get("client") else ""
        if wait := self.rates.wait(client, _CHEAP if method in SAFE else 1.0):
            raise Refused(429, "too many requests", "wait a moment", after=math.ceil(wait))
        return self._token_asked(scope, headers, method, path) if self.door.token else None

    def _token_asked(
        self, scope: Scope, headers: Mapping[str, str], method: str, path: str
    ) -> Response | None:
        """Whether the token is there: an address that has it becomes one without, and a cookie."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in query if name == "token"), None)
        if given is not None and self.door.knows(given):
            if path.startswith("/api/"):
                return None
            rest = urlencode([pair for pair in query if pair[0] != "token"])
            place = "/" + path.lstrip("/\\") + (f"?{rest}" if rest else "")
            response = RedirectResponse(place, 303)
            response.set_cookie(self.door.cookie, given, httponly=True, samesite="strict", path="/")
            return response
        if self.door.knows(self.door.token_of(headers)):
            return None
        raise Refused(401, "this server wants its token", "open the address that `likebut serve` printed")

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then the app answers."""
        if scope["method"] in SAFE:
            await self.app(scope, receive, send)
            return
        headers: Any = Headers(scope=scope)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scope["method"] == "PUT":
            if not (kind.startswith("image/") or kind == "application/octet-stream"):
                raise Refused(415, "a picture is sent as image/…", "send Content-Type: image/…")
            async with self._uploads:
                body = await self._body(headers, receive, bodies.PICTURE_BYTES, bodies.PICTURE_SECONDS)
        else:
            body = await self._body(headers, receive, bodies.JSON_BYTES, bodies.JSON_SECONDS)
            if scope["method"] != "DELETE" or body:
                if kind != "application/json":
                    raise Refused(415, "a body is JSON here", "send Content-Type: application/json")
                bodies.check_json(body)
        await self.app(scope, bodies.replayed(body, receive), send)

    async def _body(self, headers: Mapping[str, str], receive: Receive, most: int, seconds: float) -> bytes:
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > most:
            raise bodies.too_large(most)
        return await bodies.read_body(receive, most, seconds)
