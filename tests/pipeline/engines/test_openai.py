"""The openai engine against a server that fails in every way: answered or marked, never twice."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines import make_engine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.engines.openai import OpenAIEngine
from likebut.pipeline.errors import ConfigError, LikebutError, ModelError
from likebut.pipeline.records.chat import Message, Reply, Sampling
from tests.pipeline.engines.faulty_server import FaultyServer, faulty_server

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
SECRET = "sk-very-secret-1234567890"
ROOT = Path(__file__).parents[3]


class Clock:
    """Waits that take no time and are kept."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def spec(server: FaultyServer, **options: Any) -> EngineSpec:
    return EngineSpec("openai", "qwen", options={"base_url": server.url, **options})


def engine(server: FaultyServer, clock: Clock | None = None, **options: Any) -> OpenAIEngine:
    return OpenAIEngine(spec(server, **options), sleep=(clock or Clock()).sleep)


def ask(text: str, *images: Path, **changes: Any) -> Request:
    return Request((Message("system", "Be brief"), Message("user", text, images)), **changes)


def by_turns(*acts: str) -> Callable[[str, int], str]:
    """Every item goes through the acts; the last one stays."""
    return lambda words, attempt: acts[min(attempt, len(acts)) - 1]


def test_a_request_is_the_conversation_with_its_sampling_and_nothing_else() -> None:
    with faulty_server() as server:
        sampling = Sampling(max_tokens=9, temperature=0.3, seed=5)
        reply = engine(server).generate([ask("hello", sampling=sampling)])[0]
    assert server.bodies == [
        {
            "model": "qwen",
            "max_tokens": 9,
            "temperature": 0.3,
            "seed": 5,
            "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "hello"}],
        }
    ]
    assert reply.text == "answer to hello"
    assert (reply.prompt_tokens, reply.reply_tokens, reply.finish) == (11, 5, "stop")
    assert reply.served == "qwen-0613 fp_1"
    assert reply.seconds > 0


# What happens to the n-th of 200 requests, attempt by attempt.
FATES = (
    ("ok",),
    ("reset", "ok"),
    ("ok",),
    ("429 after 7", "ok"),
    ("500", "503", "ok"),
    ("ok",),
    ("cut", "ok"),
    ("cut json", "ok"),
    ("garbage",),
    ("length",),
    ("400 too long: context length",),
    ("408", "409", "ok"),
    ("ok",),
    ("page", "ok"),
    ("reset", "cut", "500", "429 after 7", "ok"),
    ("500",),
    ("filter",),
    ("ok",),
    ("hang", "ok"),
    ("ok",),
)


def test_two_hundred_requests_end_answered_or_marked_and_none_twice() -> None:
    clock, came = Clock(), []

    def script(words: str, attempt: int) -> str:
        acts = FATES[int(words) % len(FATES)]
        return acts[min(attempt, len(acts)) - 1]

    with faulty_server(script) as server:
        asked = [ask(str(n), schema=SCHEMA) for n in range(200)]
        options = spec(server, concurrency=16, timeout=6)
        one = OpenAIEngine(options, sleep=clock.sleep, draw=lambda low, high: low)
        replies = one.generate(asked, lambda place, reply: came.append((place, reply)))
    answered = {n: reply for n, reply in enumerate(replies) if not reply.error}
    for number, reply in enumerate(replies):
        last = FATES[number % len(FATES)][-1]
        expected = {"ok": "stop", "garbage": "stop", "length": "length", "filter": "content_filter"}
        finish = expected.get(last, "refused" if last.startswith("400") else "failed")
        assert reply.finish == finish, (number, reply)
        assert bool(reply.error) == (finish in ("refused", "failed"))
        if last == "ok":
            assert reply.text == f"answer to {number}"  # order kept
    assert "context length" in replies[10].error
    assert replies[15].error == "HTTP 500: out of order (6 attempts)"
    # The server's count of delivered generations is ours, one each.
    assert server.delivered == {str(n): 1 for n in answered}
    assert sorted(place for place, _ in came) == list(range(200))
    assert all(replies[place] is reply for place, reply in came)
    assert 8 <= server.peak <= 16
    # The jitter is drawn as nothing here: who was told to wait 7 seconds waits exactly those.
    assert clock.waits.count(7.0) == server.done["429 after 7"] == 20
    assert set(clock.waits) == {0.0, 7.0}
    # A request on a connection that the server has just closed is tried again, and it never saw it.
    assert 0 <= 200 + len(clock.waits) - sum(server.asked.values()) <= 3


@pytest.mark.parametrize("concurrency", [1, 3])
def test_never_more_requests_are_in_flight_than_the_bound(concurrency: int) -> None:
    with faulty_server() as server:
        engine(server, concurrency=concurrency).generate([ask(str(n)) for n in range(20)])
    assert server.peak == concurrency
    assert sum(server.delivered.values()) == 20


def test_a_wait_is_at_least_what_the_server_asks_for_in_seconds_or_as_a_date() -> None:
    from email.utils import formatdate

    date = formatdate(1_000_090, usegmt=True)
    for header, seconds in (("3", 3.0), (date, 90.0)):
        clock = Clock()
        with faulty_server(by_turns(f"429 after {header}", "ok")) as server:
            one = OpenAIEngine(spec(server), sleep=clock.sleep, now=lambda: 1_000_000.0)
            assert one.generate([ask("x")])[0].text == "answer to x"
        assert len(clock.waits) == 1
        assert seconds <= clock.waits[0] <= seconds + 0.5


def test_a_server_that_asks_for_an_hour_is_not_waited_for() -> None:
    clock = Clock()
    with faulty_server(by_turns("429 after 3600")) as server:
        reply = engine(server, clock).generate([ask("x")])[0]
    assert (reply.finish, clock.waits) == ("failed", [])
    assert "HTTP 429" in reply.error


def test_the_client_itself_never_tries_again() -> None:
    with faulty_server(by_turns("500")) as server:
        reply = engine(server, attempts=2).generate([ask("x")])[0]
    assert reply.error.endswith("(2 attempts)")
    assert server.asked == {"x": 2}


@pytest.mark.parametrize(
    ("structured", "sent"),
    [
        (
            "json_schema",
            {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": {**SCHEMA, "additionalProperties": False}},
            },
        ),
        ("json_object", {"type": "json_object"}),
        ("none", None),
    ],
)
def test_a_schema_is_handed_over_as_the_profile_says(structured: str, sent: Any) -> None:
    with faulty_server() as server:
        engine(server, structured=structured).generate([ask("x", schema=SCHEMA), ask("y")])
    formats = {b["messages"][-1]["content"]: b.get("response_format") for b in server.bodies}
    assert formats == {"x": sent, "y": None}


def test_pictures_travel_as_data_urls_made_smaller_and_upright(tmp_path: Path) -> None:
    drawn, photo = tmp_path / "drawn.png", tmp_path / "photo.jpg"
    Image.new("RGBA", (30, 20), (255, 0, 0, 255)).save(drawn)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (3000, 1500), "blue").save(photo, exif=exif)
    with faulty_server() as server:
        engine(server).generate([ask("what", drawn, photo)])
    *shown, text = server.bodies[0]["messages"][-1]["content"]
    assert text == {"type": "text", "text": "what"}
    found = []
    for part in shown:
        kind, _, data = part["image_url"]["url"].partition(";base64,")
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        found.append((kind, picture.size, picture.mode))
    assert found == [("data:image/png", (30, 20), "RGB"), ("data:image/jpeg", (512, 1024), "RGB")]


def test_what_cannot_be_sent_is_the_error_of_its_item_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.png"
    notes.write_text("hello")
    with faulty_server() as server:
        replies = engine(server).generate([ask("a", notes), ask("b"), ask("\ud800")])
    assert [reply.finish for reply in replies] == ["refused", "stop", "refused"]
    assert "notes.png" in replies[0].error
    assert "surrogate" in replies[2].error
    assert server.asked == {"b": 1}


@pytest.mark.parametrize(
    ("act", "error", "message", "hint"),
    [
        ("401 no KEY", ModelError, "refuses access", "MY_KEY"),
        ("403 no KEY", ModelError, "refuses access", "MY_KEY"),
        ("404 no such model KEY", ModelError, "no model qwen at http://127.0.0.1", "profile"),
        ("400 response_format is unknown, KEY", ConfigError, "structured", "json_object"),
    ],
)
def test_what_is_wrong_for_all_requests_is_said_once_and_never_tried_again(
    monkeypatch: pytest.MonkeyPatch, act: str, error: type[LikebutError], message: str, hint: str
) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    with faulty_server(by_turns(act)) as server, pytest.raises(error) as caught:
        engine(server, api_key_env="MY_KEY", concurrency=2).generate(
            [ask(str(n), schema=SCHEMA) for n in range(50)]
        )
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert SECRET not in caught.value.message + caught.value.hint
    assert set(server.asked.values()) == {1}
    assert len(server.asked) <= 4


def test_answers_on_their_way_are_kept_when_the_key_is_refused(tmp_path: Path) -> None:
    """The first is refused while the second is being answered, and a third waits to try again."""
    refused, waiting = threading.Event(), threading.Event()

    def script(words: str, attempt: int) -> str:
        if words == "refused":
            waiting.wait(30)
            refused.set()
            return "401"
        if words == "slow":
            refused.wait(30)
            time.sleep(0.3)
            return "ok"
        waiting.set()
        return "429 after 300"

    cache = Cache(tmp_path / "cache.sqlite")
    with faulty_server(script) as server:
        front = CachedEngine(spec(server), cache)  # with real waits
        with pytest.raises(ModelError):
            front.generate([ask("refused"), ask("slow"), ask("later"), *map(ask, "abcdefgh")][:3])
        server.script = by_turns("ok")
        replies = front.generate([ask("slow"), ask("later")])
    assert [reply.cached for reply in replies] == [True, False]
    assert server.delivered == {"slow": 1, "later": 1}


def test_a_server_that_is_not_there_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    clock = Clock()
    options = {"base_url": f"http://127.0.0.1:{port}/v1", "attempts": 3}
    one = OpenAIEngine(EngineSpec("openai", "qwen", options=options), sleep=clock.sleep)
    with pytest.raises(ModelError, match=f"no server answers at http://127.0.0.1:{port}/v1"):
        one.generate([ask("x")])
    assert len(clock.waits) == 2


def test_a_server_that_goes_away_marks_what_it_left(tmp_path: Path) -> None:
    with faulty_server() as server:
        one = engine(server, attempts=2)
        assert not one.generate([ask("x")])[0].error
    assert one.generate([ask("y")])[0].error == "the connection to the server failed (2 attempts)"


def test_without_its_package_the_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelError) as caught:
        make_engine(EngineSpec("openai", "qwen"))
    assert "likebut[openai]" in caught.value.hint


def test_offline_only_a_server_on_this_machine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIKEBUT_OFFLINE", "1")
    with pytest.raises(ModelError, match="--offline"):
        make_engine(EngineSpec("openai", "qwen", options={"base_url": "https://example.org/v1"}))
    with faulty_server() as server:
        assert make_engine(spec(server)).generate([ask("x")])[0].text == "answer to x"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concurency": 3}, "concurency"),
        ({"concurrency": 0}, "above 0"),
        ({"concurrency": "many"}, "no int"),
        ({"attempts": True}, "no int"),
        ({"timeout": -1.5}, "above 0"),
        ({"structured": "json"}, "structured"),
        ({"base_url": "localhost:8000"}, "http address"),
        ({"base_url": f"http://me:{SECRET}@host/v1"}, "secret"),
        ({"base_url": f"http://host/v1?key={SECRET}"}, "secret"),
    ],
)
def test_options_that_do_not_hold_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        make_engine(EngineSpec("openai", "qwen", options=options))
    assert SECRET not in caught.value.message + caught.value.hint


def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-☃")
    with faulty_server() as server, pytest.raises(ConfigError) as caught:
        engine(server).generate([ask("x")])
    assert "OPENAI_API_KEY" in caught.value.message
    assert "sk-" not in caught.value.message


def test_the_key_is_sent_and_shows_up_nowhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    acts = {"bad": "422 your KEY is odd", "down": "500 KEY", "good": "ok"}
    with faulty_server(lambda words, attempt: acts[words]) as server:
        front = CachedEngine(spec(server, attempts=1), Cache(tmp_path / "cache.sqlite"))
        replies = front.generate([ask(words) for words in acts])
    assert server.keys == {f"Bearer {SECRET}"}
    assert replies[0].error == "HTTP 422: your … is odd"
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET not in f"{replies} {caplog.text} {front.revision} {vars(front.engine)}"
    assert SECRET.encode() not in kept
    assert caplog.records  # the client does write logs


def test_a_local_server_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with faulty_server() as server:
        assert not engine(server).generate([ask("x")])[0].error
    assert server.keys == {"Bearer none"}


PROGRAM = """
import sys
from pathlib import Path
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.records.chat import Message
spec = EngineSpec("openai", "qwen", options={"base_url": sys.argv[2]})
front = CachedEngine(spec, Cache(Path(sys.argv[1])))
replies = front.generate([Request((Message("user", str(n)),)) for n in range(100)])
assert [reply.text for reply in replies] == [f"answer to {n}" for n in range(100)]
"""
BEFORE = 40


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_an_answer_that_was_delivered_is_never_asked_for_again(
    tmp_path: Path, blow: signal.Signals
) -> None:
    path, admitted = tmp_path / "cache.sqlite", iter(range(BEFORE))
    lock = threading.Lock()

    def script(words: str, attempt: int) -> str:
        with lock:
            return "hang" if next(admitted, None) is None else "ok"

    def kept() -> int:
        with sqlite3.connect(path) as database:
            return int(database.execute("SELECT COUNT(*) FROM answers").fetchone()[0])

    command = [sys.executable, "-c", PROGRAM, str(path)]
    clean = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    with faulty_server(script) as server:
        with subprocess.Popen(
            [*command, server.url],
            cwd=ROOT,
            env=clean,
            stderr=subprocess.PIPE,
            # Who runs the tests in the background of a shell has Ctrl-C ignored, and hands that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as run:
            until = time.monotonic() + 60
            last = threading.Timer(150, run.kill)  # else a test that fails here waits for ever
            last.daemon = True
            last.start()
            while not (path.exists() and sum(server.delivered.values()) == BEFORE):
                assert time.monotonic() < until
                time.sleep(0.05)
            while kept() < BEFORE:  # committed one by one, while others are still being answered
                assert time.monotonic() < until
                time.sleep(0.05)
            run.send_signal(blow)
            _, said = run.communicate()
        assert run.returncode in (-signal.SIGKILL, -signal.SIGINT)
        assert blow == signal.SIGKILL or b"KeyboardInterrupt" in said
        before = set(server.delivered)
        server.asked.clear()
        server.script = by_turns("ok")
        subprocess.run([*command, server.url], cwd=ROOT, env=clean, check=True)
    assert len(before) == BEFORE
    assert not before & set(server.asked)
    assert server.delivered == {str(n): 1 for n in range(100)}


def test_a_reply_survives_the_cache_with_how_it_ended_and_who_answered(tmp_path: Path) -> None:
    with faulty_server(by_turns("length")) as server:
        front = CachedEngine(spec(server), Cache(tmp_path / "cache.sqlite"))
        first, second = (front.generate([ask("x")])[0] for _ in range(2))
    assert (second.finish, second.served, second.cached) == ("length", "qwen-0613 fp_1", True)
    assert Reply(**{**vars(second), "cached": False}) == first
    assert server.delivered == {"x": 1}
    assert json.dumps(vars(second))
