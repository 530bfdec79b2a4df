"""Quick steps go straight to the service; what they are told is what the app's routes would say."""

from __future__ import annotations

import pytest
from starlette.types import Receive, Scope, Send

from likebut.pipeline.server import straight
from tests.pipeline.server.conftest import Answer, Site

STEPS = "/api/sessions/{}/steps"


@pytest.fixture
def asked_of_routes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that came to the app's routes."""
    seen: list[str] = []
    handed_on = straight.Straight.__call__

    async def heard(self: straight.Straight, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app

        async def routes(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["path"])
            await app(scope, receive, send)

        await handed_on(straight.Straight(routes, self.service), scope, receive, send)

    monkeypatch.setattr(straight.Straight, "__call__", heard)
    return seen


def by_routes(site: Site, session: str, step: object) -> Answer:
    """What the app's routes answer to the same request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(straight, "_quick", lambda body: None)
        return site.ask("POST", STEPS.format(session), step)


def test_a_slider_passes_the_routes_and_a_sentence_does_not(site: Site, asked_of_routes: list[str]) -> None:
    session = site.begin()
    site.step(session, do="but", sentence="a red square")
    before = list(asked_of_routes)
    moved = site.step(session, do="weigh", values={"target_caption": 0.5})
    assert moved["weighed"] == {"target_caption": 0.5}
    assert asked_of_routes == before
    site.step(session, do="but", sentence="blue please")
    assert asked_of_routes == [*before, STEPS.format(session)]


@pytest.mark.parametrize(
    "step",
    [
        {"do": "weigh"},
        {"do": "weigh", "values": {"nothing": 1.0}},
        {"do": "pick", "hit": "nothing.png"},
        {"do": "go", "turn": 7},
        {"do": "go", "turn": -2},
        {"do": "fly"},
        {"do": "undo", "more": 1},
        {"do": "undo", "recipe": "nothing"},
        [],
    ],
)
def test_what_cannot_be_done_is_told_as_ever(site: Site, step: object) -> None:
    session = site.begin()
    site.step(session, do="but", sentence="a red square")
    found, expected = site.ask("POST", STEPS.format(session), step), by_routes(site, session, step)
    assert (found.status, found.body) == (expected.status, expected.body)
    assert 400 <= found.status < 500
    assert found.headers.keys() == expected.headers.keys()


def test_a_session_that_is_not_there_is_told_as_ever(site: Site) -> None:
    found = site.ask("POST", STEPS.format("A" * 16), {"do": "undo"})
    expected = by_routes(site, "A" * 16, {"do": "undo"})
    assert (found.status, found.body) == (expected.status, expected.body) == (404, expected.body)


def test_a_bug_is_told_on_stderr_and_not_to_the_client(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    session = site.begin()
    monkeypatch.setattr(site.service, "lock", lambda ident: 1 / 0)
    found = site.ask("POST", STEPS.format(session), {"do": "undo"})
    assert found.status == 500
    assert b"ZeroDivision" not in found.body
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_stages_of_a_quick_step_are_told_where_that_is_wanted(site: Site) -> None:
    session = site.begin()
    site.step(session, do="but", sentence="a red square")
    streamed = site.ask(
        "POST",
        STEPS.format(session),
        {"do": "weigh", "values": {"target_caption": 0.5}},
        {"Accept": "text/event-stream"},
    )
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert b"event: stage" in streamed.body
