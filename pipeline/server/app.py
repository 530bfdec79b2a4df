"""The app: its addresses put together, its page, and what becomes of problems."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response

from ...indexes.errors import GalleryError
from ..errors import LikebutError
from . import about, asking, looking
from .door import Door
from .gate import Gate
from .problems import Json, answer, missing, refusal
from .rates import Rates
from .service import Service
from .straight import Straight

HERE = Path(__file__).parent
STATIC, TEMPLATES = HERE / "static", HERE / "templates"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_LASTING = "public, max-age=31536000, immutable"


def make_app(service: Service, door: Door, version: str, rate: float = 30.0) -> Gate:
    """The whole app of a service behind its door, as ASGI.

    ``rate``: how many changes a second one client may ask for; 0 is no limit.
    """
    app = FastAPI(
        title="likebut",
        version=version,
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        default_response_class=Json,
        redirect_slashes=False,
    )
    app.state.service, app.state.door, app.state.version = service, door, version
    for module in (about, asking, looking):
        app.include_router(module.routes)
    for place in ("/", "/s/{session}", "/s/{session}/{turn}"):
        app.add_api_route(place, page, include_in_schema=False, response_class=HTMLResponse)
    for place in ("/static/{file}", "/static/{mark}/{file}"):
        app.add_api_route(place, static, include_in_schema=False, response_class=Response)
    app.add_exception_handler(LikebutError, _problem)
    app.add_exception_handler(GalleryError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)
    return Gate(Straight(app, service), door, Rates(rate))


async def page(request: Request) -> HTMLResponse:
    """The page of the app, the same at every address that a person may keep."""
    state = request.app.state
    html = (
        _environment().get_template("app.html").render(version=state.version, token=bool(state.door.token))
    )
    return HTMLResponse(html, headers={"Cache-Control": "no-cache"})


async def static(file: str, request: Request, mark: str = "") -> Response:
    """A file of the page; for ever where it is asked for by the mark of all their contents."""
    path = _files().get(file)
    if path is None:
        raise missing("file")
    tag = f'"{marked()}"'
    headers = {"ETag": tag, "Cache-Control": _LASTING if mark == marked() else "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return FileResponse(path, media_type=TYPES[path.suffix], headers=headers)


def asset(file: str) -> str:
    """The address of a file of the page. What it imports from beside it has the same mark."""
    return f"/static/{marked()}/{file}"


def _files() -> dict[str, Path]:
    return {path.name: path for path in STATIC.iterdir() if path.suffix in TYPES}


def marked() -> str:
    """The hash of all files of the page, read anew where one changes, as they do while they are made."""
    stamps = sorted((name, path.stat().st_mtime_ns) for name, path in _files().items())
    return _hash(tuple(stamps))


@lru_cache(1)
def _hash(stamps: tuple[tuple[str, int], ...]) -> str:
    whole = b"".join(name.encode() + (STATIC / name).read_bytes() for name, _ in stamps)
    return hashlib.sha256(whole).hexdigest()[:16]


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    made.globals["static"] = asset
    return made


async def _problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, LikebutError | GalleryError)
    return answer(problem)


async def _invalid(request: Request, problem: Exception) -> Response:
    """What the first thing is that does not fit; nothing of what was sent is sent back."""
    assert isinstance(problem, RequestValidationError)
    first = problem.errors()[0]
    where = ".".join(str(part)[:40] for part in first["loc"][1:]) or "the body"
    where = where.encode("ascii", "backslashreplace").decode()
    return refusal(422, f"{where}: {first['msg'][:200]}", "see /api/openapi.json")


async def _http(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    words = {404: "there is no such address", 405: "this is not done there"}
    return refusal(problem.status_code, words.get(problem.status_code, "the request cannot be read"))


async def _bug(request: Request, problem: Exception) -> Response:
    return refusal(500, "this is a bug of the server", "its terminal says more")
