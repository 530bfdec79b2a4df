"""One short question to a server, whatever it does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from likebut.pipeline.engines.probe import Answer, probe
from likebut.pipeline.engines.server import Server


@contextmanager
def serving(code: int, body: bytes = b"", wait: float = 0) -> Iterator[tuple[Server, list[Any]]]:
    """A server that answers GET /v1/models so, and keeps path and key."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("Authorization")))
            time.sleep(wait)
            self.send_response(code)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Server(base_url=f"http://127.0.0.1:{server.server_port}/v1"), seen
        server.shutdown()


@pytest.mark.parametrize(
    ("code", "body", "answer"),
    [
        (200, b'{"data": [{"id": "a"}, {"id": "b"}]}', Answer(True, models=("a", "b"))),
        (200, b"<html>", Answer(True)),
        (200, b'{"data": [7]}', Answer(True)),
        (404, b"", Answer(True)),
        (401, b"", Answer(True, "refuses the key (HTTP 401)")),
        (500, b"", Answer(True, "answers with HTTP 500")),
        (302, b"", Answer(True, "answers with HTTP 302")),
    ],
)
def test_what_a_server_says(code: int, body: bytes, answer: Answer) -> None:
    with serving(code, body) as (server, seen):
        assert probe(server) == answer
        assert [path for path, _ in seen] == ["/v1/models"]  # no redirect is followed


def test_the_key_is_sent_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(200) as (server, seen):
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        probe(server)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
        probe(server)
    assert [key for _, key in seen] == [None, "Bearer sk-1"]


def test_nobody_there_and_nobody_in_time() -> None:
    with serving(200, wait=1) as (server, _):
        assert probe(server, 0.1) == Answer(False, "no answer within 0.1 seconds")
    found = probe(Server(base_url="http://127.0.0.1:9/v1"), 1)
    assert not found.reached
    assert "refused" in found.problem
