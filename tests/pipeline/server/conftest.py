"""A real server on loopback, over four pictures of one colour, with scripted models."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from likebut import Setup
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.server.app import make_app
from likebut.pipeline.server.door import Door
from likebut.pipeline.server.galleries import Galleries
from likebut.pipeline.server.running import bound, serve, server_of
from likebut.pipeline.server.service import Service
from likebut.pipeline.server.sessions import Sessions
from likebut.pipeline.stages.composer import Composer
from tests.pipeline.colours import colour_composer, paint_gallery, scripted


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """A running server, and how it is asked."""

    port: int
    service: Service
    door: Door
    folder: Path
    opened: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """An answer; a body that is no bytes goes as JSON. ``headers`` stand in for the usual ones."""
        raw = isinstance(body, bytes)
        data = body if raw or body is None else json.dumps(body).encode()
        sent = {"Host": f"127.0.0.1:{self.port}"}
        if data is not None:
            sent["Content-Type"] = "image/png" if raw else "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, data, sent | (headers or {}))
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def raw(self, data: bytes, wait: float = 10.0) -> bytes:
        """What bytes as they are get for an answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
            connection.sendall(data)
            parts = b""
            while b"\r\n\r\n" not in parts and (part := connection.recv(65536)):
                parts += part
            return parts

    @property
    def gallery(self) -> str:
        return next(iter(self.service.galleries.places))

    def begin(self, **more: Any) -> str:
        """A new session's id."""
        answer = self.ask("POST", "/api/sessions", {"gallery": self.gallery, **more})
        assert answer.status == 201, answer.body
        return str(answer.json["id"])

    def step(self, session: str, **step: Any) -> Any:
        """The session after a step that can be done."""
        answer = self.ask("POST", f"/api/sessions/{session}/steps", step)
        assert answer.status == 200, answer.body
        return answer.json


Opening = Callable[..., Composer]
SCRIPT = "<script>alert(1)</script>"


def opening_colours(folder: Path) -> Opening:
    """Opens the four pictures by any recipe."""
    cache = Cache(folder / "captions.sqlite")

    def opening(setup: Setup, *args: Any, **named: Any) -> Composer:
        made = colour_composer(folder, recipe=load_recipe(setup.recipe))
        return replace(made, captioner=scripted(cache, (".", "a square of one colour")))

    return opening


@contextmanager
def running(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    rate: float = 0.0,
    opening: Opening | None = None,
    **galleries: Any,
) -> Iterator[Site]:
    """A server in a thread."""
    pictures = folder / "gallery"
    if not pictures.exists():
        paint_gallery(pictures)
    setup = Setup(recipe="likebut@pocket", folders=(pictures,))
    opened: list[str] = []
    served = Galleries([setup], setup.budget(), opening=opening or opening_colours(folder), **galleries)
    listening = bound("127.0.0.1", 0)
    port = listening.getsockname()[1]
    door = Door.at(host, port)
    service = Service(served, Sessions(folder / "sessions"), local=not door.token, opener=opened.append)
    server = server_of(make_app(service, door, "0", rate))
    thread = threading.Thread(target=serve, args=(server, service, listening, lambda: None), daemon=True)
    thread.start()
    place = next(iter(served.places.values()))
    ends = time.monotonic() + 60
    while not (served.opened(place) or served.problems) and time.monotonic() < ends:
        time.sleep(0.01)
    try:
        yield Site(port, service, door, folder, opened)
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that the tests of one module share."""
    with running(tmp_path_factory.mktemp("site")) as made:
        yield made


@pytest.fixture(scope="module")
def said(site: Site) -> str:
    """A session with two turns."""
    session = site.begin()
    site.step(session, do="start", hit="red.png")
    site.step(session, do="but", sentence="blue please")
    return session


def refused(site: Site, answer: Any, *statuses: int) -> None:
    """It is a 4xx with words and no inside of the server, and the server is alive."""
    assert answer.status in (statuses or range(400, 500)), answer.body[:300]
    if answer.headers.get("content-type") == "application/json":
        assert set(answer.json) == {"message", "hint"}
        assert answer.json["message"]
    for inside in (b"Traceback", b'File "', b"site-packages"):
        assert inside not in answer.body
    assert site.ask("GET", "/api/state", headers=_key(site)).status == 200


def _key(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.door.token}"} if site.door.token else {}
