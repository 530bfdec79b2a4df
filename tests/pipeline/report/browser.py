"""A headless Chromium that is asked over a pipe: what a page logs, requests and shows.

It speaks the DevTools protocol through two file descriptors (`--remote-debugging-pipe`), so that
no port is opened and no package is needed.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next((path for path in map(shutil.which, NAMES) if path), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
PATIENCE = 60  # seconds for one answer


@dataclass
class Page:
    """An open page, and all that it has said and wanted so far."""

    ask: Callable[..., dict[str, Any]]
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def visit(self, path: Path, query: str = "") -> None:
        """Load a file and wait until it and its pictures are there."""
        self.ask("Page.navigate", url=path.resolve().as_uri() + query)
        deadline = time.monotonic() + PATIENCE
        here = "location.protocol === 'file:' && document.readyState === 'complete'"
        while not self.run(here):
            assert time.monotonic() < deadline, f"{path} was not loaded"
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page; a promise is waited for."""
        answer = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def dark(self, on: bool = True) -> None:
        """Whether the reader prefers dark pages."""
        value = "dark" if on else "light"
        features = [{"name": "prefers-color-scheme", "value": value}]
        self.ask("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """What the window shows, or the whole page, as PNG."""
        answer = self.ask("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def size(self, width: int, height: int) -> None:
        """The window's size in pixels."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def heard(self, event: dict[str, Any]) -> None:
        """Remember what matters of an event."""
        kind, given = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(given["exceptionDetails"]))
        elif kind == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self.errors.append(json.dumps(given["args"]))
        elif kind == "Log.entryAdded" and given["entry"]["level"] in ("error", "warning"):
            self.errors.append(json.dumps(given["entry"]))
        elif kind == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])
        elif kind == "Page.javascriptDialogOpening":
            self.dialogs.append(given["message"])


class _Pipe:
    """Messages end with a null byte, in both directions."""

    def __init__(self, write: int, read: int) -> None:
        self.write, self.read, self.rest, self.number = write, read, b"", 0
        self.on_event: Callable[[dict[str, Any]], None] = lambda event: None

    def send(self, method: str, session: str = "", **params: Any) -> int:
        """Ask without waiting; the number of the question."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        return self.number

    def ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """The answer; events that come before it are told."""
        number = self.send(method, session, **params)
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self.on_event(answer)

    def _next(self) -> dict[str, Any]:
        # not select(), which knows no descriptor beyond 1,023: a long run of tests may hold more
        with selectors.DefaultSelector() as selector:
            selector.register(self.read, selectors.EVENT_READ)
            while b"\0" not in self.rest:
                part = os.read(self.read, 1 << 20) if selector.select(PATIENCE) else b""
                assert part, "the browser does not answer"
                self.rest += part
        line, _, self.rest = self.rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """An empty page of a browser that keeps its profile in ``folder``."""
    assert PROGRAM
    (hear, write), (read, speak) = os.pipe(), os.pipe()
    # Out of the way of the descriptors 3 and 4, where the browser listens and speaks.
    high = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (hear, speak)]

    def wire() -> None:
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    process = subprocess.Popen(
        [PROGRAM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        close_fds=False,
        preexec_fn=wire,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for one in (hear, speak, *high):
        os.close(one)
    try:
        yield _page(_Pipe(write, read))
    finally:
        process.kill()
        process.wait()
        os.close(write)
        os.close(read)


def _page(pipe: _Pipe) -> Page:
    target = pipe.ask("Target.createTarget", url="about:blank")["targetId"]
    session = pipe.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    page = Page(lambda method, **params: pipe.ask(method, session, **params))

    def heard(event: dict[str, Any]) -> None:
        page.heard(event)
        if event.get("method") == "Page.javascriptDialogOpening":  # else the page waits for ever
            pipe.send("Page.handleJavaScriptDialog", session, accept=True)

    pipe.on_event = heard
    for domain in ("Page", "Runtime", "Log", "Network"):
        page.ask(f"{domain}.enable")
    return page
