"""Steps that ask no model, answered ahead of the app's routes.

Sliders are all that is asked hundreds of times a second, and finding and filling a route takes as long as
their ranking does. What is no such step, or none that is valid, goes on to the app and is answered there.
"""

from __future__ import annotations

import re

from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from . import bodies
from .asked import StepAsked
from .asking import EVENTS
from .problems import Json
from .service import Service
from .steps import QUICK

_STEPS = re.compile(r"/api/sessions/([A-Za-z0-9_-]{16})/steps")


class Straight:
    """An ASGI app around another, behind the gate: that has read the body, and answers problems."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a quick step, or hand the request on. Raises as `Service.step` does."""
        place = _STEPS.fullmatch(scope["path"]) if scope.get("method") == "POST" else None
        if place and EVENTS not in Headers(scope=scope).get("accept", ""):
            body = (await receive()).get("body", b"")
            if asked := _quick(body):
                response = Json(await self.service.step(place[1], asked))
                await response(scope, receive, send)
                return
            receive = bodies.replayed(body, receive)
        await self.app(scope, receive, send)


def _quick(body: bytes) -> StepAsked | None:
    """The step that a body asks for, where it is valid and no model may be asked."""
    try:
        asked = StepAsked.model_validate_json(body)
    except ValidationError:
        return None
    return asked if asked.do in QUICK else None
