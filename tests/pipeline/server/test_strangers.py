"""Who may not come in: other names, pages of other sites, callers without the token, those in a hurry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.server.conftest import Site, refused, running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that any machine may reach, and so wants its token."""
    with running(tmp_path_factory.mktemp("guarded"), host="0.0.0.0") as made:
        yield made


HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.1:1",
    "127.0.0.1",
    "127.0.0.1:{port}@evil.example",
    "evil.example@127.0.0.1:{port}",
    "[::1",
    "localhost:{port}/x",
    "0.0.0.0:{port}",
    "127.0.0.1:{port},evil.example",
    "",
)


@pytest.mark.parametrize("host", HOSTS)
def test_another_name_is_not_this_server(site: Site, host: str) -> None:
    for path in ("/", "/api/state", "/static/app.js"):
        refused(site, site.ask("GET", path, headers={"Host": host.format(port=site.port)}), 400, 421)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST:{}", "[::1]:{}", "127.0.0.2:{}"]
)
def test_the_names_of_this_machine_are_known(site: Site, host: str) -> None:
    assert site.ask("GET", "/api/state", headers={"Host": host.format(site.port)}).status == 200


ELSEWHERE = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://127.0.0.1:{port}"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost:{port}.evil.example"},
    {"Origin": "http://127.0.0.1:{port}@evil.example"},
    {"Origin": "file://"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:{port}"},
)


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_the_page_of_another_site_changes_nothing(site: Site, said: str, headers: dict[str, str]) -> None:
    sent = {name: value.format(port=site.port) for name, value in headers.items()}
    before = site.ask("GET", f"/api/sessions/{said}").body
    for method, path, body in (
        ("POST", f"/api/sessions/{said}/steps", {"do": "undo"}),
        ("DELETE", f"/api/sessions/{said}", None),
        ("PUT", f"/api/sessions/{said}/picture", b"x"),
        ("POST", "/api/open", {"session": said, "hit": "blue.png"}),
    ):
        refused(site, site.ask(method, path, body, sent), 403)
    assert site.ask("GET", f"/api/sessions/{said}").body == before


def test_another_site_can_link_here_and_read_nothing(site: Site) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert site.ask("GET", "/", headers=headers).status == 200
    for path in ("/api/state", "/api/sessions", f"/api/pictures/{site.gallery}/0"):
        refused(site, site.ask("GET", path, headers=headers), 403)


def test_no_method_but_ours_is_known(site: Site, said: str) -> None:
    for method in ("PATCH", "TRACE", "OPTIONS", "CONNECT", "PROPFIND", "DELETE"):
        refused(site, site.ask(method, "/api/state"))


def test_every_answer_has_the_headers_that_a_browser_needs(site: Site) -> None:
    for path in ("/", "/api/state", "/nothing", "/api/pictures/x/0"):
        headers = site.ask("GET", path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


@pytest.mark.parametrize(
    "path", ["/", "/api/state", "/static/app.js", "/s/AAAAAAAAAAAAAAAA", "/api/openapi.json"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic {token}"},
        {"Authorization": "Bearer {token}x"},
        {"Cookie": "likebut={token}"},
        {"Cookie": "likebut-{port}=x"},
        {"Cookie": "a b c"},
    ],
    ids=str,
)
def test_without_its_token_nothing_is_shown(guarded: Site, path: str, headers: dict[str, str]) -> None:
    filled = {
        name: value.format(token=guarded.door.token, port=guarded.port) for name, value in headers.items()
    }
    refused(guarded, guarded.ask("GET", path, headers=filled), 401)
    for query in ("token=", "token=x", "token=%00", "token=%ff"):
        refused(guarded, guarded.ask("GET", f"{path}?{query}", headers=filled), 401)


def test_a_header_that_http_does_not_allow_is_answered_and_shown_nothing(guarded: Site) -> None:
    answer = guarded.ask("GET", "/api/state", headers={"Cookie": "a b c \x01"})
    assert (answer.status, answer.body) == (400, b"Invalid HTTP request received.")


def test_a_token_in_the_address_becomes_a_cookie_of_this_server(guarded: Site) -> None:
    token = guarded.door.token
    answer = guarded.ask("GET", f"/s/AAAAAAAAAAAAAAAA?turn=1&token={token}")
    assert (answer.status, answer.headers["location"]) == (303, "/s/AAAAAAAAAAAAAAAA?turn=1")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert guarded.ask("GET", "/", headers={"Cookie": cookie.partition(";")[0]}).status == 200
    away = guarded.ask("GET", f"//evil.example/?token={token}")
    assert away.headers["location"] == "/evil.example/"


def test_a_server_for_others_opens_no_folders_and_knows_no_other_names(guarded: Site) -> None:
    key = {"Authorization": f"Bearer {guarded.door.token}"}
    asked = {"session": "A" * 16, "hit": "red.png"}
    refused(guarded, guarded.ask("POST", "/api/open", asked, key), 403)
    refused(guarded, guarded.ask("GET", "/", headers={**key, "Host": "evil.example"}), 421)


def test_one_client_may_not_ask_too_often(tmp_path: Path) -> None:
    with running(tmp_path, rate=2.0) as site:
        answers = [site.ask("POST", "/api/sessions", {"gallery": site.gallery}) for _ in range(12)]
        late = [answer for answer in answers if answer.status == 429]
        assert late
        assert int(late[0].headers["retry-after"]) >= 1
        assert site.ask("GET", "/api/state").status in (200, 429)
