"""Steps of many sessions at once: models in batches, rankings past them, no answer to another session."""

from __future__ import annotations

import io
import json
import socket
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from likebut import Setup
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.server.lane import Lane
from likebut.pipeline.stages.composer import Composer
from tests.pipeline.colours import colour_composer, scripted
from tests.pipeline.server.conftest import Opening, Site, running


class Slow:
    """An engine that answers what the sentence says, once it may; it counts what is asked at once."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.batches: list[int] = []

    def generate(self, requests: Sequence[Any], on_reply: Any = None) -> list[Any]:
        from likebut.pipeline.records.chat import Reply

        self.batches.append(len(requests))
        self.free.wait(20)
        replies = []
        for place, request in enumerate(requests):
            text = request.messages[-1].text
            colour = next(name for name in ("red", "green", "blue") if f"a {name} one" in text)
            reply = Reply(f'{{"target_caption": "a {colour} square"}}')
            replies.append(reply)
            if on_reply:
                on_reply(place, reply)
        return replies


def opening(folder: Path, engine: Slow) -> Opening:
    cache = Cache(folder / "slow.sqlite")

    def open_it(setup: Setup, *args: Any, **named: Any) -> Composer:
        made = colour_composer(folder, recipe=load_recipe("cirevl"))
        captioner = scripted(cache, (".", "a square of one colour"))
        return replace(made, captioner=captioner, reasoner=made.reasoner.through(engine))

    return open_it


def begun(site: Site, count: int) -> list[str]:
    sessions = [site.begin() for _ in range(count)]
    for session in sessions:
        site.step(session, do="start", hit="grey.png")
    return sessions


def test_sentences_of_several_sessions_are_one_batch_and_come_back_to_their_own(tmp_path: Path) -> None:
    engine = Slow()
    with running(tmp_path, opening=opening(tmp_path, engine)) as site:
        sessions = begun(site, 6)
        colours = ["red", "green", "blue"] * 2
        with ThreadPoolExecutor(6) as pool:
            first = pool.submit(site.step, sessions[0], do="but", sentence="a red one, 0")
            until(lambda: engine.batches)
            others = [
                pool.submit(site.step, session, do="but", sentence=f"a {colour} one, {n}")
                for n, (session, colour) in enumerate(zip(sessions, colours, strict=True))
                if n
            ]
            until(lambda: site.service.galleries.lane.waiting == 5)
            engine.free.set()
            found = [one.result() for one in (first, *others)]
        assert engine.batches == [1, 5]
        for session, colour, answer in zip(sessions, colours, found, strict=True):
            assert answer["id"] == session
            assert answer["trace"]["intent"]["target_caption"] == f"a {colour} square"
            assert answer["hits"][0]["id"] == f"{colour}.png"


def test_new_weights_do_not_wait_for_models(tmp_path: Path) -> None:
    engine = Slow()
    with running(tmp_path, opening=opening(tmp_path, engine)) as site:
        one, other = begun(site, 2)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(site.step, one, do="but", sentence="a red one")
            until(lambda: engine.batches)
            started = time.monotonic()
            for weight in (0.2, 0.5, 0.9):
                site.step(other, do="weigh", values={"reference": weight})
            assert site.step(other, do="more", hits=["blue.png"])["path"] == [0, 1, 2, 3, 4]
            assert time.monotonic() - started < 5
            assert not waiting.done()
            engine.free.set()
            assert waiting.result()["hits"][0]["id"] == "red.png"


def test_a_stream_that_is_closed_takes_its_step_along(tmp_path: Path) -> None:
    engine = Slow()
    with running(tmp_path, opening=opening(tmp_path, engine)) as site:
        one, other = begun(site, 2)
        lane = site.service.galleries.lane
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(site.step, one, do="but", sentence="a red one")
            until(lambda: engine.batches)
            listening = streamed(site, other, "a blue one")
            hung_up(listening, lane)
            engine.free.set()
            assert first.result()["hits"][0]["id"] == "red.png"
        assert engine.batches == [1]
        assert site.ask("GET", f"/api/sessions/{other}").json["path"] == [0]
        assert site.step(other, do="but", sentence="a green one")["hits"][0]["id"] == "green.png"


def test_what_is_answered_after_its_stream_was_closed_is_no_turn(tmp_path: Path) -> None:
    engine = Slow()
    with running(tmp_path, opening=opening(tmp_path, engine)) as site:
        (session,) = begun(site, 1)
        listening = streamed(site, session, "a blue one")
        until(lambda: engine.batches)
        listening.close()
        time.sleep(0.2)
        engine.free.set()
        found = site.step(session, do="but", sentence="a green one")  # waits for the other, if need be
        assert [turn["sentence"] for turn in found["turns"]] == ["", "a green one"]


@pytest.mark.parametrize("way", ["step", "query", "compare"])
def test_who_hangs_up_before_the_answer_is_worked_for_no_more(tmp_path: Path, way: str) -> None:
    engine = Slow()
    with running(tmp_path, opening=opening(tmp_path, engine)) as site:
        one, other = begun(site, 2)
        engine.free.set()
        site.step(other, do="but", sentence="a blue one")
        engine.free.clear()
        lane = site.service.galleries.lane
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(site.step, one, do="but", sentence="a red one")
            until(lambda: len(engine.batches) == 2)
            path, asked = {
                "step": (f"/api/sessions/{other}/steps", {"do": "but", "sentence": "a green one"}),
                "query": ("/api/query", {"modification": "a green one", "reference": "grey.png"}),
                "compare": ("/api/compare", {"session": other, "recipe": "ldre"}),
            }[way]
            waiting = posted(site, path, asked)
            hung_up(waiting, lane)
            engine.free.set()
            assert first.result()["hits"][0]["id"] == "red.png"
        assert engine.batches == [1, 1]
        assert site.ask("GET", f"/api/sessions/{other}").json["path"] == [0, 1]


def hung_up(listening: socket.socket, lane: Lane) -> None:
    """Whoever waits in the lane goes away, and is seen to."""
    until(lambda: lane.waiting == 1)
    listening.close()
    until(lambda: lane.waiting == 0)
    assert lane.waiting == 0


def streamed(site: Site, session: str, sentence: str) -> socket.socket:
    """A step whose stages are listened to."""
    asked = {"do": "but", "sentence": sentence}
    return posted(site, f"/api/sessions/{session}/steps", asked, "Accept: text/event-stream")


def posted(site: Site, path: str, asked: Any, *headers: str) -> socket.socket:
    """A request whose answer is not waited for."""
    body = json.dumps(asked).encode()
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: 127.0.0.1:{site.port}",
        *headers,
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    listening = socket.create_connection(("127.0.0.1", site.port))
    listening.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return listening


def test_steps_of_one_session_go_one_after_the_other(tmp_path: Path) -> None:
    engine = Slow()
    with running(tmp_path, opening=opening(tmp_path, engine)) as site:
        (session,) = begun(site, 1)
        with ThreadPoolExecutor(3) as pool:
            said = pool.submit(site.step, session, do="but", sentence="a red one")
            until(lambda: engine.batches)
            weighed = pool.submit(site.step, session, do="weigh", values={"reference": 0.1})
            time.sleep(0.1)
            assert not weighed.done()
            engine.free.set()
            assert said.result()["path"] == [0, 1]
            assert weighed.result()["path"] == [0, 1, 2]


def test_a_bug_is_told_on_stderr_and_not_to_the_client(site: Site, monkeypatch: Any) -> None:
    def broken(*given: Any) -> None:
        raise KeyError("the inside of the server")

    told = io.StringIO()  # it loses nothing of what another thread writes while it is looked at
    monkeypatch.setattr(sys, "stderr", told)
    monkeypatch.setattr(site.service.sessions, "all", broken)
    answer = site.ask("GET", "/api/sessions")
    assert answer.status == 500
    assert b"inside" not in answer.body
    last = "KeyError: 'the inside of the server'"
    until(lambda: last in told.getvalue())
    assert last in told.getvalue()
    monkeypatch.undo()
    assert site.ask("GET", "/api/sessions").status == 200


def until(holds: Any) -> None:
    ends = time.monotonic() + 10
    while not holds() and time.monotonic() < ends:
        time.sleep(0.002)
