"""`serve` as a person starts, ends and kills it, and `query --server`."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.pipeline.cli.conftest import Run
from tests.pipeline.server.conftest import running

ROOT = Path(__file__).parents[3]


@contextmanager
def served(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of its own process, and its address."""
    words = [sys.executable, str(ROOT / "run.py"), "serve", "--port", "0", *map(str, arguments)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=os.environ.copy())
    assert process.stderr
    try:
        for line in process.stderr:
            if found := re.search(r"http://\S+", line):
                yield process, found[0].rstrip("/")
                break
        else:
            raise AssertionError("no address")
    finally:
        process.kill()
        process.wait()


def ask(url: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def ready(url: str) -> str:
    """The gallery's id, once it is open."""
    import time

    for _ in range(600):
        (gallery,) = ask(url, "/api/state")["galleries"]
        if gallery["count"]:
            return str(gallery["id"])
        time.sleep(0.1)
    raise AssertionError("the gallery did not open")


@pytest.mark.timeout(400)
def test_a_killed_server_has_its_sessions_when_it_is_started_again(gallery: Path, tmp_path: Path) -> None:
    options = ("--in", gallery, "--sessions", tmp_path / "sessions")
    with served(*options) as (process, url):
        session = ask(url, "/api/sessions", {"gallery": ready(url)})["id"]
        said = ask(url, f"/api/sessions/{session}/steps", {"do": "but", "sentence": "two red apples"})
        assert said["hits"]
        server = psutil.Process(process.pid)
        started = server.children(recursive=True)
        assert any("libtorch" in one.path for child in started for one in child.memory_maps())
        if sys.platform == "linux":
            assert not any("libtorch" in one.path for one in server.memory_maps())
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert psutil.wait_procs(started, 30)[1] == []
    with served(*options) as (process, url):
        ready(url)
        assert ask(url, f"/api/sessions/{session}") == said
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert psutil.wait_procs(started, 30)[1] == []
        assert process.stderr
        assert "sessions are kept in" in process.stderr.read()


def test_a_taken_port_is_one_line_and_exit_7(likebut: Run, gallery: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = likebut("serve", "--in", gallery, "--port", str(port), "--sessions", tmp_path)
    assert done.code == 7
    assert done.err.count("\n") == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.err


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--in", "nowhere"), 3, "no folder nowhere"),
        (("--index", "nowhere"), 3, "no folder nowhere"),
        ((), 2, "name one gallery"),
        (("--in", ".", "--recipe", "nothing"), 2, "no recipe"),
        (("--in", ".", "--profile", "nothing"), 2, "no profile"),
        (("--in", ".", "--host", "no.such.host.invalid"), 2, "is no address"),
        (("--in", ".", "--sessions", "/proc/nothing"), 2, "cannot be written"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    likebut: Run, tmp_path: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    more = () if "--sessions" in options else ("--sessions", tmp_path)
    done = likebut("serve", "--port", "0", *options, *more)
    assert done.code == code
    assert words in done.err
    assert done.err.count("\n") == 1


def test_a_query_is_answered_by_a_warm_server(likebut: Run, tmp_path: Path) -> None:
    with running(tmp_path) as site:
        url = f"http://127.0.0.1:{site.port}"
        reference = tmp_path / "gallery" / "red.png"
        done = likebut("query", reference, "blue please", "--server", url, "-k", "2", "-f", "paths")
        assert done.out.splitlines()[0] == str(tmp_path / "gallery" / "blue.png")
        assert len(done.out.splitlines()) == 2
        record = json.loads(likebut("query", reference, "blue please", "--server", url, "-f", "json").out)
        assert record["query"]["reference"] == str(reference)
        assert record["intent"]["target_caption"] == "a blue square"
        green = ("query", "--text", "green", "--server", url)
        named = likebut(*green, "--in", tmp_path / "gallery", "-r", "text-only")
        assert "green.png" in named.out
        other = likebut(*green, "--in", "elsewhere")
        assert (other.code, "no gallery elsewhere" in other.err) == (3, True)
        told = likebut(*green, "-r", "nothing")
        assert (told.code, "no recipe 'nothing'" in told.err) == (3, True)


def test_a_server_with_a_token_wants_it_of_queries_too(likebut: Run, tmp_path: Path) -> None:
    with running(tmp_path, host="0.0.0.0") as site:
        url = f"http://127.0.0.1:{site.port}/"
        assert "wants its token" in likebut("query", "--text", "red", "--server", url).err
        done = likebut("query", "--text", "red", "--server", f"{url}?token={site.door.token}")
        assert "red.png" in done.out


def test_no_server_is_one_line(likebut: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = likebut("query", "--text", "red", "--server", f"127.0.0.1:{port}")
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert f"no likebut answers at http://127.0.0.1:{port}: Connection refused" in done.err
    assert likebut("query", "--text", "red", "--server", "ftp://x").code == 2
    assert likebut("query", "--text", "red", "--server", f"127.0.0.1:{port}", "-w", "caption=1").code == 2
