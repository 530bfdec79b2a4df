"""An OpenAI-compatible server on loopback that misbehaves by script and keeps count.

It may stand before a real server instead of answering itself: ``answer`` then gives the bytes of
that server's completion. It counts a generation as delivered once its last byte is written; it
measures how many requests it has at once, from the last byte of a request to the first of its
answer.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# (words of the last message, which attempt at them, from 1) → what happens:
#   "ok" · "length" · "filter" · "garbage" (no JSON where JSON was asked for) · "page" (no completion)
#   "cut" (the connection ends within the body) · "cut json" (the body is whole, its JSON is not)
#   "reset" · "hang" · "STATUS", "STATUS MESSAGE", "429 after SECONDS"
Script = Callable[[str, int], str]
Answer = Callable[[dict[str, Any]], str | bytes]
ANSWERED = ("ok", "length", "filter", "garbage")


def last_words(body: dict[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


class FaultyServer:
    """What the server was asked, did and delivered; ``script`` may be changed at any time."""

    def __init__(self, script: Script, answer: Answer | None) -> None:
        self.script = script
        self.answer = answer or (lambda body: f"answer to {last_words(body)}")
        self.lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self.now = self.peak = 0
        self.seconds = 0.01
        self.closing = threading.Event()
        self.url = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: FaultyServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        owner = self.owner
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        words = last_words(body)
        with owner.lock:
            owner.keys.add(self.headers.get("Authorization", ""))
            owner.bodies.append(body)
            owner.asked[words] += 1
            owner.now += 1
            owner.peak = max(owner.peak, owner.now)
            attempt = owner.asked[words]
        act = owner.script(words, attempt)
        if act == "hang":
            owner.closing.wait(600)
        else:
            time.sleep(owner.seconds)
        with owner.lock:
            owner.now -= 1
            owner.done[act] += 1
        self._act(act, words, body)

    def _act(self, act: str, words: str, body: dict[str, Any]) -> None:
        if act in ("hang", "reset"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.rfile.close()
            self.connection.close()
        elif act in ANSWERED:
            self._send(200, _completion(act, self.owner.answer(body), body["model"]))
            with self.owner.lock:
                self.owner.delivered[words] += 1
        elif act in ("cut", "cut json"):
            whole = _completion("ok", self.owner.answer(body), body["model"])
            self._send(200, whole[: len(whole) // 2], len(whole) if act == "cut" else None)
            self.close_connection = True
        elif act == "page":
            self._send(200, b"<html>It works!</html>")
        else:
            self._fail(act)

    def _fail(self, act: str) -> None:
        status, _, said = act.partition(" ")
        headers = {}
        if said.startswith("after "):
            headers["Retry-After"] = said.removeprefix("after ")
        key = self.headers.get("Authorization", "").removeprefix("Bearer ")
        message = said.replace("KEY", key) or "out of order"
        self._send(int(status), json.dumps({"error": {"message": message}}).encode(), None, headers)

    def _send(
        self, status: int, body: bytes, length: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _completion(act: str, text: str | bytes, model: str) -> bytes:
    if isinstance(text, bytes):
        return _passed_on(act, text)
    ends = {"length": "length", "filter": "content_filter"}
    content = "{what? no" if act == "garbage" else text[: len(text) // 2] if act == "length" else text
    return json.dumps(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 0,
            "model": f"{model}-0613",
            "system_fingerprint": "fp_1",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": ends.get(act, "stop"),
                    "message": {"role": "assistant", "content": "" if act == "filter" else content},
                }
            ],
            "usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16},
        }
    ).encode()


def _passed_on(act: str, completion: bytes) -> bytes:
    record = json.loads(completion)
    if act == "garbage":
        record["choices"][0]["message"]["content"] = "{what? no"
    return json.dumps(record).encode()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """Clients that went away are what the tests are about."""


@contextmanager
def faulty_server(
    script: Script = lambda words, attempt: "ok", answer: Answer | None = None
) -> Iterator[FaultyServer]:
    """A server that runs in threads for as long as the context lasts."""
    owner = FaultyServer(script, answer)
    handler = type("Handler", (_Handler,), {"owner": owner})
    with _Quiet(("127.0.0.1", 0), handler) as server:
        owner.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield owner
        finally:
            owner.closing.set()
            server.shutdown()
            thread.join()
