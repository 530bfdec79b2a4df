"""Addresses of sessions and queries: what a person says, and what they are shown for it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from ..errors import InputError
from ..records.trace import Query, Trace
from ..records.traces import trace_to_json
from ..stages.conversation import Session
from .asked import Begin, Compare, QueryAsked, StepAsked
from .attended import attended
from .events import stages
from .lane import OnStage
from .problems import Json, Refused
from .reaching import Serves, SessionPath, Turn
from .service import Service
from .steps import HITS, reference_of
from .views import about_to_json, hits_to_json

routes = APIRouter()
EVENTS = "text/event-stream"


@routes.post("/api/sessions")
async def begin(service: Serves, asked: Begin) -> Json:
    """A new session, with nothing said yet."""
    composer = await service.files.run(service.galleries.get, asked.gallery, asked.recipe)
    own = service.galleries.places[asked.gallery].setup.recipe
    assert composer is not None
    about = await service.files.run(service.sessions.make, asked.gallery, asked.recipe or own)
    return Json(await service.shown(about.id), 201)


@routes.get("/api/sessions")
async def listed(service: Serves) -> Json:
    """The sessions of the galleries that are served, the one that was changed last first."""
    found = await service.files.run(service.sessions.all)
    return Json([about_to_json(about) for about in found if about.gallery in service.galleries.places])


@routes.get("/api/sessions/{session}")
async def shown(service: Serves, session: SessionPath, turn: Turn = None) -> Json:
    """A session, or how it was at another turn, which changes nothing."""
    return Json(await service.shown(session, turn))


@routes.delete("/api/sessions/{session}")
async def trash(service: Serves, session: SessionPath) -> Json:
    """Move a session into the trash; nothing of it is destroyed."""
    async with service.lock(session):
        await service.files.run(service.sessions.trash, session)
    return Json({"id": session, "trash": True})


@routes.post("/api/sessions/{session}/steps")
async def step(service: Serves, session: SessionPath, asked: StepAsked, request: Request) -> Response:
    """Do one step. With `Accept: text/event-stream` its stages are told as they run."""
    if EVENTS not in request.headers.get("accept", ""):
        return Json(await attended(request, partial(service.step, session, asked)))
    await service.files.run(service.sessions.about, session)  # what there is not is no stream
    work = partial(service.step, session, asked)
    return StreamingResponse(stages(work), media_type=EVENTS, headers={"X-Accel-Buffering": "no"})


@routes.put("/api/sessions/{session}/picture")
async def picture(service: Serves, session: SessionPath, request: Request) -> Json:
    """Begin with a picture, whose bytes are the body: pictures like it."""
    body = await request.body()
    async with service.lock(session):
        await service.files.run(service.sessions.about, session)
        path = await service.pictures.run(service.sessions.keep_picture, session, body)
    asked = StepAsked.model_validate({"do": "start", "upload": path.name})
    return Json(await attended(request, partial(service.step, session, asked)))


@routes.put("/api/uploads")
async def upload(service: Serves, request: Request) -> Json:
    """Keep a picture for queries without a session; its id."""
    path = await service.pictures.run(service.sessions.keep_picture, "", await request.body())
    return Json({"upload": path.name}, 201)


@routes.post("/api/query")
async def query(service: Serves, asked: QueryAsked, request: Request) -> Response:
    """One query; the record that `likebut query --format json` prints."""
    record = await attended(request, partial(service.models.run, _query, service, asked))
    return Response(json.dumps(record, indent=2) + "\n", media_type="application/json")


@routes.post("/api/compare")
async def compare(service: Serves, asked: Compare, request: Request) -> Json:
    """What a session asks now by its recipe and by another one, side by side; nothing is kept."""
    return Json(await attended(request, partial(service.models.run, _compare, service, asked)))


def _query(service: Service, asked: QueryAsked, told: OnStage) -> dict[str, Any]:
    service.galleries.warm.wait()
    places = list(service.galleries.places)
    composer = replace(service.galleries.get(asked.gallery or places[0], asked.recipe), told=told)
    about = Query("query")
    if asked.reference and asked.upload:
        raise InputError("two references are named", "name one")
    if asked.upload:
        about = Query("query", service.sessions.picture("", asked.upload))
    elif asked.reference:
        about = reference_of(Session(composer), asked.reference)
    sentence = " ".join(asked.modification.split())
    if not sentence and not about.referring:
        raise InputError("nothing to look for", "give a reference, a modification, or both")
    return trace_to_json(_whole(composer.ask(replace(about, modification=sentence), k=asked.k)))


def _compare(service: Service, asked: Compare, told: OnStage) -> dict[str, Any]:
    service.galleries.warm.wait()
    about, dialogue, composer = service.at(asked.session)
    dialogue = dialogue if asked.turn is None else dialogue.gone(asked.turn)
    if dialogue.turn is None:
        raise InputError("nothing was said yet", "begin with a picture or a sentence")
    if not asked.recipe:
        raise Refused(422, "no recipe is named", "name another one")
    here = dialogue.turn.trace
    other = service.galleries.get(about.gallery, asked.recipe)
    there = _whole(replace(other, told=told).compose([Trace(here.query)], HITS)[0])
    return {
        "recipe": asked.recipe,
        "here": hits_to_json(here, composer),
        "there": hits_to_json(there, other),
        "target_caption": there.intent.target_caption,
        "warnings": list(there.warnings),
        "seconds": dict(there.seconds),
    }


def _whole(trace: Trace) -> Trace:
    if trace.error:
        raise InputError(trace.error, "say it otherwise")
    return trace
