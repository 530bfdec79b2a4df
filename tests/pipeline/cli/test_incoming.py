"""A reference that is no file yet: on stdin, on the clipboard, at an address."""

from __future__ import annotations

import http.server
import io
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from likebut.indexes import decode
from likebut.pipeline.errors import ConfigError, InputError
from tests.pipeline.cli.conftest import Run


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_piped_picture_ranks_as_its_file_does_and_leaves_nothing(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rest = ("at night", "--in", gallery, "-f", "json", "-k", "5")
    by_name = json.loads(likebut("query", reference, *rest).out)
    pipe(monkeypatch, reference.read_bytes())
    piped = json.loads(likebut("query", "-", *rest).out)
    assert piped["ranking"] == by_name["ranking"]  # its copy in the gallery is excluded, too
    assert piped["query"]["reference"] == "-"
    assert not list(tmp_path.glob("likebut-*"))


@pytest.mark.parametrize(("data", "why"), [(b"", "it is empty"), (b"no picture", "cannot be used")])
def test_what_is_no_picture_is_one_line(
    likebut: Run, gallery: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, why: str
) -> None:
    pipe(monkeypatch, data)
    outcome = likebut("query", "-", "at night", "--in", gallery)
    assert outcome.code == InputError.exit_code
    assert why in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves the reference, and what a hostile or broken server says."""

    picture = b""

    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.end_headers()
            return
        if self.path not in ("/a//picture", "/endless", "/page"):
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        body = {"/endless": b"x" * 4096, "/page": b"<html>no picture</html>"}
        self.wfile.write(body.get(self.path, self.picture))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(reference: Path) -> Iterator[str]:
    Server.picture = reference.read_bytes()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_picture_at_an_address_ranks_as_its_file_does(
    likebut: Run, gallery: Path, reference: Path, address: str, tmp_path: Path
) -> None:
    rest = ("at night", "--in", gallery, "-f", "json", "-k", "5")
    by_name = json.loads(likebut("query", reference, *rest).out)
    page = tmp_path / "page.html"
    fetched = json.loads(likebut("query", f"{address}/a//picture", *rest, "--report", page).out)
    assert fetched["ranking"] == by_name["ranking"]
    assert fetched["query"]["reference"] == f"{address}/a//picture"  # both slashes
    assert f"{address}/a//picture" in page.read_text()


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/none", "the server says 404"),
        ("/page", "cannot be used"),
        ("/away", "cannot fetch"),
        ("/endless", "larger than"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(
    likebut: Run, gallery: Path, address: str, monkeypatch: pytest.MonkeyPatch, path: str, why: str
) -> None:
    monkeypatch.setattr(decode, "MAX_BYTES", max(2048, len(Server.picture)))
    monkeypatch.setattr(sys.modules["likebut.pipeline.cli.incoming"], "_WAIT", 5.0)
    if path == "/endless":
        monkeypatch.setattr(decode, "MAX_BYTES", 2048)
    outcome = likebut("query", address + path, "at night", "--in", gallery)
    assert outcome.code == InputError.exit_code
    assert why in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_a_server_that_is_not_there_is_one_line(likebut: Run, gallery: Path) -> None:
    outcome = likebut("query", "http://127.0.0.1:9/a.png", "at night", "--in", gallery)
    assert outcome.code == InputError.exit_code
    assert "cannot fetch http://127.0.0.1:9/a.png" in outcome.err


@pytest.mark.parametrize("broken", ["http://", "http://[::1", "http://a:port/b", "https://a b/c"])
def test_what_is_no_address_is_one_line(likebut: Run, gallery: Path, broken: str) -> None:
    outcome = likebut("query", broken, "at night", "--in", gallery)
    assert outcome.code == InputError.exit_code
    assert f"cannot fetch {broken}" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_offline_fetches_nothing(likebut: Run, gallery: Path, address: str) -> None:
    outcome = likebut("query", f"{address}/a//picture", "at night", "--in", gallery, "--offline")
    assert outcome.code == ConfigError.exit_code
    assert "--offline forbids the network" in outcome.err


def test_a_batch_line_with_an_address_says_what_to_do(likebut: Run, gallery: Path, tmp_path: Path) -> None:
    asked = tmp_path / "q.jsonl"
    asked.write_text('{"id": "1", "reference": "https://a.example/b.png"}\n')
    outcome = likebut("batch", asked, "--in", gallery, "--out", tmp_path / "out.jsonl")
    assert outcome.code == InputError.exit_code
    assert "line 1" in outcome.err
    assert "save the picture first" in outcome.err


def clipboard(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A `wl-paste` that runs ``script``, the only program on the PATH beside the usual ones."""
    program = folder / "bin" / "wl-paste"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have their own clipboards")
def test_a_copied_picture_ranks_as_its_file_does(
    likebut: Run, gallery: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = ("at night", "--in", gallery, "-f", "json", "-k", "5")
    by_name = json.loads(likebut("query", reference, *rest).out)
    clipboard(tmp_path, monkeypatch, f"cat '{reference}'")
    copied = json.loads(likebut("query", "clipboard:", *rest).out)
    found, by_file = ([hit["id"] for hit in one["ranking"]["hits"]] for one in (copied, by_name))
    # A clipboard carries pixels and not the file, so the file itself may be among its hits.
    assert [ident for ident in found if ident != reference.name] == by_file[:4]
    assert copied["query"]["reference"] == "clipboard:"


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have their own clipboards")
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'Nothing is copied' >&2; exit 1", "no picture on the clipboard"),
        ("echo broken >&2; exit 1", "the clipboard cannot be read"),
        ("echo text", "the clipboard cannot be read"),
    ],
)
def test_an_unusable_clipboard_is_one_line(
    likebut: Run, gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    clipboard(tmp_path, monkeypatch, script)
    outcome = likebut("query", "clipboard:", "at night", "--in", gallery)
    assert outcome.code == InputError.exit_code
    assert why in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_an_edited_query_is_called_as_the_person_called_its_reference(
    likebut: Run, gallery: Path, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe(monkeypatch, reference.read_bytes())
    change = ("--set", "target_caption=a red cat", "-f", "json")
    outcome = likebut("prompts", "edit", "-", "at night", "--in", gallery, *change)
    record = json.loads(outcome.out)
    assert [record[when]["query"]["reference"] for when in ("before", "after")] == ["-", "-"]
