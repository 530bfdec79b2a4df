"""Addresses of pictures and of exports."""

from __future__ import annotations

import os
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import FileResponse, Response, StreamingResponse

from ...indexes.errors import readable
from ..records.trace import Trace
from . import exports
from .asked import Name
from .pictures import given, item_of, type_of
from .problems import Json, Refused
from .reaching import GalleryPath, HashPath, Row, Serves, SessionPath, Size, Turn
from .service import Service

routes = APIRouter()


@routes.get("/api/pictures/{gallery}/{row}")
async def picture(
    service: Serves, request: Request, gallery: GalleryPath, row: Row, size: Size = 320
) -> Response:
    """The picture of a row of a gallery, small as WebP; the file itself where ``size`` is 0."""
    composer = await service.files.run(service.galleries.get, gallery)
    item = await service.files.run(item_of, composer.gallery, row)
    return await _sent(service, request, item.path, item.content_hash, size)


@routes.get("/api/items")
async def items(
    service: Serves,
    gallery: Annotated[str, Query(pattern=r"^[a-z0-9-]{1,64}$")],
    skip: Annotated[int, Query(ge=0, le=2**40)] = 0,
    count: Annotated[int, Query(ge=1, le=200)] = 24,
) -> Json:
    """Items of a gallery, to begin with one of them."""
    return Json(await service.files.run(_items, service, gallery, skip, count))


@routes.get("/api/sessions/{session}/picture/{hashed}")
async def uploaded(
    service: Serves, request: Request, session: SessionPath, hashed: HashPath, size: Size = 320
) -> Response:
    """A picture that was uploaded to a session, small as WebP."""
    path = await service.files.run(service.sessions.picture, session, hashed)
    return await _sent(service, request, str(path), hashed, size or 1280)


@routes.get("/api/sessions/{session}/export")
async def export(
    service: Serves,
    session: SessionPath,
    form: exports.Form = "json",
    hits: Annotated[list[Name], Query(max_length=200)] = [],  # noqa: B006
    turn: Turn = None,
) -> Response:
    """The hits of a turn, or those of them that are named by their ids (`hits=…&hits=…`)."""
    trace = await service.files.run(_trace, service, session, hits, turn)
    headers = {"Content-Disposition": f'attachment; filename="likebut.{_ENDINGS[form]}"'}
    if form == "zip":
        parts = iterate_in_threadpool(exports.zipped(trace))
        return StreamingResponse(parts, media_type=exports.TYPES[form], headers=headers)
    data = await service.files.run(exports.text_of, trace, form)
    return Response(data, media_type=exports.TYPES[form], headers=headers)


_ENDINGS = {"json": "json", "csv": "csv", "paths": "txt", "zip": "zip"}


def _items(service: Service, ident: str, skip: int, count: int) -> dict[str, Any]:
    gallery = service.galleries.get(ident).gallery
    found = [
        {
            "row": item.row,
            "id": item.id,
            "name": readable(os.path.basename(item.path or item.id)),
            "picture": f"/api/pictures/{ident}/{item.row}?size=320" if item.path else None,
        }
        for item in gallery.page(skip, count)
    ]
    return {"items": found, "all": gallery.count}


def _trace(service: Service, ident: str, hits: list[str], turn: int | None) -> Trace:
    _, dialogue, _ = service.at(ident)
    dialogue = dialogue if turn is None else dialogue.gone(turn)
    if dialogue.turn is None:
        raise Refused(422, "nothing was found yet", "begin with a picture or a sentence")
    return exports.chosen(dialogue.turn.trace, hits)


async def _sent(service: Service, request: Request, path: str, name: str, size: int) -> Response:
    """A picture that a browser may keep, and must ask about again: rows belong to an index."""
    size = given(path, size)
    tag = f'"{name[:32]}-{size}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Content-Disposition": "inline"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if not size:
        kind = await service.pictures.run(type_of, path)
        return FileResponse(path, media_type=kind, headers=headers)
    data = await service.pictures.run(service.thumbnails.get, path, name, size)
    return Response(data, media_type="image/webp", headers=headers)
