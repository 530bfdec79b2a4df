"""Requests that mean harm: each is a clear 4xx to a real server, which lives on."""

from __future__ import annotations

import io
import json
import struct
import time
import zlib
from typing import Any

import pytest
from PIL import Image

from tests.pipeline.server.conftest import SCRIPT, Site, refused

DEEP = "[" * 100_000 + "]" * 100_000


CLIMBS = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%5c..%5cwindows",
    "....//....//etc/passwd",
    "%252e%252e%252fetc",
    "/etc/passwd",
    "%00",
    "%2fetc%2fpasswd",
    "trash",
    ".",
    "%e2%80%ae",
    "%ff%fe",
    SCRIPT.replace("/", "%2f"),
    "A" * 5000,
)
PLACES = (
    "/static/{}",
    "/api/sessions/{}",
    "/api/sessions/{}/export?form=zip",
    "/api/sessions/{}/picture/" + "0" * 64,
    "/api/sessions/AAAAAAAAAAAAAAAA/picture/{}",
    "/api/pictures/{}/0",
    "/api/pictures/gallery/{}",
)


@pytest.mark.parametrize("place", PLACES)
def test_no_path_leads_out_of_its_folder(site: Site, place: str) -> None:
    for climb in CLIMBS:
        answer = site.ask("GET", place.format(climb))
        refused(site, answer)
        assert b"root:" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/api/sessions/{}?turn=99",
        "/api/sessions/{}?turn=-2",
        "/api/sessions/{}?turn=x",
        "/api/sessions/{}?turn=1e9",
        "/api/sessions/{}/export?form=exe",
        "/api/sessions/{}/export?hits=../../etc/passwd",
        "/api/sessions/{}/export?hits=%00",
        "/api/sessions/{}/export?turn=-1",
        "/api/estimate?session={}",
        "/api/estimate?session={}&sentence=%00",
        "/api/estimate?session={}&sentence=" + "a" * 2001,
        "/api/estimate?session=../x&sentence=a",
        "/api/estimate?gallery=../x&sentence=a",
        "/api/items?gallery=../x",
        "/api/items?gallery=nowhere",
        "/api/nothing",
        "/docs",
        "/redoc",
    ],
)
def test_addresses_that_are_none(site: Site, said: str, path: str) -> None:
    refused(site, site.ask("GET", path.format(said)))


@pytest.mark.parametrize(
    "row", ["-1", "4", "99999999999999999999", "1.5", "0x1", "NaN", "0%00", "1;2", "'", "0%20OR%201"]
)
def test_rows_that_are_none(site: Site, row: str) -> None:
    refused(site, site.ask("GET", f"/api/pictures/{site.gallery}/{row}"))


@pytest.mark.parametrize("size", ["-1", "99999", "1e5", "NaN", "", "320px"])
def test_sizes_that_are_none(site: Site, size: str) -> None:
    refused(site, site.ask("GET", f"/api/pictures/{site.gallery}/0?size={size}"), 422)


STEPS: tuple[Any, ...] = (
    {},
    [],
    None,
    "but",
    3,
    {"do": "destroy"},
    {"do": None},
    {"do": ["but"]},
    {"do": "but"},
    {"do": "but", "sentence": ""},
    {"do": "but", "sentence": 3},
    {"do": "but", "sentence": {"$ne": ""}},
    {"do": "but", "sentence": "a" * 2001},
    {"do": "but", "sentence": "a\u0007b"},
    {"do": "but", "sentence": "a\u0000b"},
    {"do": "but", "sentence": "blue", "hit": "/etc/passwd"},
    {"do": "but", "sentence": "blue", "recipe": "/etc/passwd.toml"},
    {"do": "but", "sentence": "blue", "recipe": "../../x.toml"},
    {"do": "but", "sentence": "blue", "recipe": SCRIPT},
    {"do": "but", "sentence": "blue", "recipe": "likebut@../x"},
    {"do": "but", "sentence": "blue", "turn": 99},
    {"do": "but", "sentence": "blue", "turn": -2},
    {"do": "but", "sentence": "blue", "turn": "1"},
    {"do": "but", "sentence": "blue", "turn": True},
    {"do": "but", "sentence": "blue", "admin": True},
    {"do": "but", "sentence": "blue", "__proto__": {}},
    {"do": "start"},
    {"do": "start", "hit": "/etc/passwd"},
    {"do": "start", "hit": "../red.png"},
    {"do": "start", "hit": SCRIPT},
    {"do": "start", "hit": "x" * 1025},
    {"do": "start", "upload": "../../etc/passwd"},
    {"do": "start", "upload": "0" * 64},
    {"do": "start", "upload": "0" * 63 + "\n"},
    {"do": "pick"},
    {"do": "pick", "hit": SCRIPT},
    {"do": "pick", "hit": "nothing.png"},
    {"do": "more"},
    {"do": "more", "hits": "red.png"},
    {"do": "more", "hits": [1, 2]},
    {"do": "more", "hits": ["nothing.png"]},
    {"do": "more", "hits": ["a"] * 201},
    {"do": "weigh"},
    {"do": "weigh", "values": {"reference": "NaN"}},
    {"do": "weigh", "values": {"reference": 1e7}},
    {"do": "weigh", "values": {"reference": None}},
    {"do": "weigh", "values": {"reference": True}},
    {"do": "weigh", "values": {SCRIPT: 1.0}},
    {"do": "weigh", "values": {"desired:nothing": 1.0}},
    {"do": "weigh", "values": {f"role{n}": 1.0 for n in range(201)}},
    {"do": "weigh", "values": [1.0]},
    {"do": "change"},
    {"do": "change", "values": {"self": "x"}},
    {"do": "change", "values": {"nothing": "x"}},
    {"do": "change", "values": {"caption": ["x"]}},
    {"do": "change", "values": {"desired": "x"}},
    {"do": "change", "values": {"desired": [["x"]]}},
    {"do": "change", "values": {"target_caption": ""}},
    {"do": "go"},
    {"do": "go", "turn": 99},
)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: json.dumps(step)[:60])
def test_steps_that_cannot_be_taken_change_nothing(site: Site, said: str, step: Any) -> None:
    before = site.ask("GET", f"/api/sessions/{said}").body
    refused(site, site.ask("POST", f"/api/sessions/{said}/steps", step))
    assert site.ask("GET", f"/api/sessions/{said}").body == before


BODIES = (
    b"",
    b"{",
    b"\x00",
    b"\xff\xfe{}",
    b'{"do": "weigh", "values": {"reference": NaN}}',
    b'{"do": "weigh", "values": {"reference": Infinity}}',
    b'{"do": "weigh", "values": {"reference": -1e999}}',
    b'{"do": "weigh", "values": {"reference": 1' + b"0" * 5000 + b"}}",
    b'{"do": "but", "sentence": "\\ud800"}',
    b'{"do": "but", "sentence": "\\u0000"}',
    b'{"\\udfff": 1}',
    b'{"do": "change", "values": {"desired": ' + DEEP.encode() + b"}}",
    DEEP.encode(),
    b'{"a":' * 50 + b"1" + b"}" * 50,
    b'{"do": "but", "sentence": "' + b"a" * (1 << 20) + b'"}',
    b"do=but&sentence=blue",
)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: ascii(body[:40]))
def test_bodies_that_are_no_json_of_ours(site: Site, said: str, body: bytes) -> None:
    answer = site.ask("POST", f"/api/sessions/{said}/steps", body, {"Content-Type": "application/json"})
    refused(site, answer, 400, 413, 422)


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "a/b"],
)
def test_a_form_of_another_page_is_no_json(site: Site, said: str, kind: str) -> None:
    body = json.dumps({"do": "undo"}).encode()
    refused(site, site.ask("POST", f"/api/sessions/{said}/steps", body, {"Content-Type": kind}), 415)
    refused(site, site.ask("PUT", "/api/uploads", b"x", {"Content-Type": kind}), 415)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/sessions", {"gallery": "../x"}),
        ("/api/sessions", {"gallery": "nowhere"}),
        ("/api/sessions", {}),
        ("/api/sessions", {"gallery": 3}),
        ("/api/sessions", {"gallery": "{gallery}", "recipe": "/etc/passwd.toml"}),
        ("/api/compare", {"session": "{said}", "recipe": ""}),
        ("/api/compare", {"session": "{said}", "recipe": "nothing"}),
        ("/api/compare", {"session": "x", "recipe": "basic"}),
        ("/api/compare", {"session": "{said}", "recipe": "basic", "turn": 99}),
        ("/api/open", {"session": "{said}", "hit": "/bin/sh"}),
        ("/api/open", {"session": "{said}", "hit": "; reboot"}),
        ("/api/open", {"session": "../x", "hit": "red.png"}),
        ("/api/query", {}),
        ("/api/query", {"reference": "/etc/passwd"}),
        ("/api/query", {"reference": "red.png", "k": 0}),
        ("/api/query", {"reference": "red.png", "k": 10**9}),
        ("/api/query", {"reference": "red.png", "k": "5"}),
        ("/api/query", {"upload": "../" + "0" * 61}),
        ("/api/query", {"upload": "0" * 64}),
        ("/api/query", {"gallery": "nowhere", "modification": "blue"}),
        ("/api/query", {"reference": "red.png", "upload": "0" * 64}),
        ("/api/query", {"modification": "blue", "recipe": "x.toml"}),
    ],
)
def test_other_requests_that_are_none(site: Site, said: str, path: str, body: dict[str, Any]) -> None:
    filled = {"{said}": said, "{gallery}": site.gallery}
    sent = {
        name: filled.get(value, value) if isinstance(value, str) else value for name, value in body.items()
    }
    refused(site, site.ask("POST", path, sent))


def test_a_request_names_no_file_to_the_rest_of_the_machine(site: Site) -> None:
    assert site.opened == []


def test_scripts_are_words_and_come_back_as_json_alone(site: Site) -> None:
    session = site.begin()
    found = site.step(session, do="but", sentence=SCRIPT)
    assert found["turns"][0]["sentence"] == SCRIPT
    answer = site.ask("GET", f"/api/sessions/{session}")
    assert answer.headers["content-type"] == "application/json"
    assert "script-src 'self';" in answer.headers["content-security-policy"]
    assert SCRIPT.encode() not in site.ask("GET", f"/s/{session}").body
    page = site.ask("GET", "/s/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert b"<script>alert" not in page.body


def bomb(width: int, height: int) -> bytes:
    """A PNG of few bytes that says it has many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(999)))
        + chunk(b"IEND", b"")
    )


def gif() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "GIF")
    return buffer.getvalue()


PICTURES = {
    "no bytes": b"",
    "text": b"not a picture",
    "a script": SCRIPT.encode(),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
    "a cut file": gif()[:20],
    "a bomb": bomb(60_000, 60_000),
    "a larger bomb": bomb(2**31 - 1, 2**31 - 1),
    "a file of no width": bomb(0, 9),
    "a cut bomb": bomb(9000, 9000),
    "zip": b"PK\x03\x04" + bytes(100),
    "pdf": b"%PDF-1.7\n",
}


@pytest.mark.parametrize("name", PICTURES)
def test_uploads_that_are_no_pictures_are_not_kept(site: Site, name: str) -> None:
    session = site.begin()
    for path in (f"/api/sessions/{session}/picture", "/api/uploads"):
        refused(site, site.ask("PUT", path, PICTURES[name]), 413, 415)
    assert not list((site.folder / "sessions" / session / "pictures").iterdir())


def test_a_body_is_no_larger_than_it_may_be_whatever_it_says(site: Site) -> None:
    head = f"PUT /api/uploads HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nContent-Type: image/png\r\n"
    said = site.raw(f"{head}Content-Length: {33 << 20}\r\n\r\n".encode())
    assert b" 413 " in said.split(b"\r\n")[0]
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    try:
        unsaid = site.raw(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 34)
        assert b" 413 " in unsaid.split(b"\r\n")[0]
    except ConnectionError:
        pass  # it hung up while we were still sending
    refused(site, site.ask("GET", "/nothing"), 404)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nothing\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"b" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=lambda data: ascii(data[:50]),
)
def test_what_is_hardly_http_is_refused(site: Site, data: bytes) -> None:
    try:
        answer = site.raw(data, wait=25.0)
    except ConnectionError:
        answer = b""
    assert not answer or answer.split()[1][:1] == b"4", answer[:200]
    refused(site, site.ask("GET", "/nothing"), 404)


def test_a_slow_body_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from likebut.pipeline.server import bodies

    monkeypatch.setattr(bodies, "JSON_SECONDS", 0.3)
    head = (
        f"POST /api/sessions HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nContent-Type: application/json\r\n"
    )
    started = time.monotonic()
    answer = site.raw(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert time.monotonic() - started < 5


def test_a_connection_that_asks_nothing_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from likebut.pipeline.server import running as module

    monkeypatch.setattr(module, "PATIENCE", 0.3)
    started = time.monotonic()
    assert site.raw(b"GET / HT") == b""
    assert time.monotonic() - started < 5
