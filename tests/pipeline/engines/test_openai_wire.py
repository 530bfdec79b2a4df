"""Servers that lead elsewhere, never end, speak in other ways or take other fields."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from likebut.pipeline.engines import chat, wire
from likebut.pipeline.engines.openai import OpenAIEngine
from likebut.pipeline.engines.server import Server
from likebut.pipeline.errors import ConfigError, ModelError
from likebut.pipeline.records.chat import Reply
from tests.pipeline.engines.faulty_server import faulty_server
from tests.pipeline.engines.test_openai import SCHEMA, Clock, ask, by_turns, engine, spec


@contextmanager
def raw_server(answer: bytes, *, endless: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """A socket that gives these bytes to every request, and what it was sent."""
    seen: list[bytes] = []
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(5)
            try:
                seen.append(connection.recv(65_536))
                connection.sendall(answer)
                while endless and not stop.is_set():
                    connection.sendall(b" " * 65_536)
            except OSError:
                pass
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", seen
    finally:
        stop.set()
        thread.join()
        listener.close()


def at(url: str, **options: Any) -> OpenAIEngine:
    from likebut.pipeline.engines.contract import EngineSpec

    given = EngineSpec("openai", "qwen", options={"base_url": url, **options})
    return OpenAIEngine(given, sleep=Clock().sleep)


def test_a_redirect_is_refused_and_the_prompt_stays_here() -> None:
    with faulty_server() as other:
        head = f"HTTP/1.1 307 Elsewhere\r\nLocation: {other.url}/chat/completions\r\n"
        with raw_server(f"{head}Content-Length: 0\r\n\r\n".encode()) as (url, seen):
            with pytest.raises(ModelError, match=r"sends requests on to 127\.0\.0\.1"):
                at(url).generate([ask("a secret")])
            assert len(seen) == 1
        assert not other.bodies


def test_an_endless_answer_is_given_up_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LARGEST", 1 << 20)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    with raw_server(head, endless=True) as (url, seen):
        (reply,) = at(url).generate([ask("x")])
        assert "endlessly long" in reply.error
        assert len(seen) == 1
    with raw_server(head[:-2] + b"Content-Length: 99999999999\r\n\r\n") as (url, _):
        assert "endlessly long" in at(url).generate([ask("x")])[0].error


def test_a_server_without_tls_is_not_called_absent() -> None:
    with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (url, _):
        with pytest.raises(ModelError, match="does not speak TLS") as caught:
            at(url.replace("http:", "https:")).generate([ask("x")])
        assert url in caught.value.hint


def test_a_wait_of_days_is_told_and_not_waited_for() -> None:
    with faulty_server(by_turns("429 after 259200")) as server:
        clock = Clock()
        (reply,) = engine(server, clock).generate([ask("x")])
    assert "asks to be left alone for 3 days" in reply.error
    assert clock.waits == []


def completion(**changes: Any) -> bytes:
    message = {"role": "assistant", "content": "a red apple"}
    whole = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {}}
    return json.dumps(whole | changes).encode()


@pytest.mark.parametrize(
    "usage", [None, 7, "many", [], {"prompt_tokens": "x"}, {"prompt_tokens": -1}, {"prompt_tokens": {}}]
)
def test_odd_bookkeeping_does_not_cost_an_answer(usage: Any) -> None:
    assert chat.read(completion(usage=usage)) == Reply("a red apple")


def test_an_answer_in_parts_or_as_a_stream_that_nobody_asked_for_is_read() -> None:
    parts = {"content": [{"type": "text", "text": "a red "}, {"type": "text", "text": "apple"}]}
    choice = {"message": parts, "finish_reason": None}
    assert chat.read(completion(choices=[choice])) == Reply("a red apple")
    deltas: list[Any] = [
        {"choices": [{"delta": {"role": "assistant"}}]},
        {"choices": [{"delta": {"content": "a red "}}]},
        {"choices": [{"delta": {"content": "apple"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    ]
    lines = [f"data: {json.dumps(one)}\n\n" for one in deltas]
    whole = "".join([": hello\n", *lines, "data: [DONE]\n\n"]).removeprefix(": hello\n")
    assert chat.read(whole.encode()) == Reply("a red apple", prompt_tokens=3, reply_tokens=2)
    with pytest.raises(chat.BrokenAnswer):
        chat.read("".join(lines).encode())


def test_a_field_that_is_refused_is_sent_otherwise_from_then_on() -> None:
    def script(words: str, attempt: int) -> str:
        body = server.bodies[-1]
        if "max_tokens" in body:
            return "400 Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
        if "seed" in body:
            return "400 Unknown name seed"
        return "ok"

    with faulty_server() as server:
        server.script = script
        replies = engine(server, concurrency=1).generate([ask("a"), ask("b"), ask("c")])
    assert [reply.text for reply in replies] == [f"answer to {name}" for name in "abc"]
    assert len(server.bodies) == 5
    assert {"max_completion_tokens", "temperature"} <= set(server.bodies[-1])
    assert replies[0].served.endswith("max_completion_tokens for max_tokens; no seed")


def test_a_field_that_is_still_refused_ends_the_request_and_not_in_a_circle() -> None:
    with faulty_server(by_turns("400 unknown field temperature")) as server:
        (reply,) = engine(server).generate([ask("a")])
    assert (reply.finish, len(server.bodies)) == ("refused", 2)


def test_a_profile_shapes_what_is_sent() -> None:
    options = {
        "rename": {"max_tokens": "max_new"},
        "omit": ["seed"],
        "headers": {"X-Team": "us"},
        "extra_body": {"chat_template_kwargs": {"enable_thinking": False}},
    }
    with faulty_server() as server:
        engine(server, **options).generate([ask("a")])
    (body,) = server.bodies
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "max_new" in body
    assert not {"seed", "max_tokens"} & set(body)
    with pytest.raises(ConfigError, match="plain texts"):
        Server.of({"omit": [7]})
    assert spec(server).options["base_url"] == server.url


@pytest.mark.parametrize(
    "refusal",
    [
        "400 Invalid JSON payload received. Unknown name at 'generation_config.response_schema'",
        "400 The specified schema produces a constraint that has too many states for serving.",
        "400 JSON mode is not enabled for models/gemma",
        "400 * properties[a]: additionalProperties is not supported",
        "400 xgrammar: unsupported grammar feature",
        "400 response_format is not available",
        "422 structured outputs are not supported by this model",
        "500 Failed to compile the grammar",
        "501 guided decoding is switched off",
    ],
)
def test_a_schema_that_is_refused_is_one_setting_error(refusal: str) -> None:
    with faulty_server(by_turns(refusal)) as server:
        with pytest.raises(ConfigError, match="takes no structured") as told:
            engine(server, concurrency=1).generate([ask(n, schema=SCHEMA) for n in "abcd"])
        assert len(server.bodies) == 1
    assert refusal[4:] in told.value.message


def test_a_refusal_is_not_about_the_schema_where_there_is_none_or_it_was_answered_to() -> None:
    def script(words: str, attempt: int) -> str:
        return "ok" if words == "a" or attempt > 1 else "500 the grammar matcher fell over"

    with faulty_server(script) as server:
        with_schema = [ask(n, schema=SCHEMA) for n in "ab"]
        replies = engine(server, concurrency=1).generate([*with_schema, ask("plain")])
    assert [reply.error for reply in replies] == [""] * 3
    assert server.asked == {"a": 1, "b": 2, "plain": 2}


@pytest.mark.parametrize(
    ("body", "error", "attempts"),
    [
        ({"error": "too long", "code": 400}, "HTTP 400: too long", 1),
        ({"error": {"message": "too long", "code": "422"}}, "HTTP 422: too long", 1),
        ({"object": "error", "message": "too long", "code": 400}, "HTTP 400: too long", 1),
        ({"choices": [{"error": {"message": "away", "code": 502}}]}, "HTTP 502: away (2 attempts)", 2),
        ({"detail": "away"}, "the server says: away (2 attempts)", 2),
    ],
)
def test_an_error_in_the_place_of_an_answer_keeps_its_words(body: Any, error: str, attempts: int) -> None:
    with faulty_server(answer=lambda _: json.dumps(body).encode()) as server:
        reply = engine(server, attempts=2).generate([ask("a")])[0]
    assert (reply.error, len(server.bodies)) == (error, attempts)


def test_an_error_in_an_answer_about_the_schema_or_the_key_is_said_once() -> None:
    for said, kind in (("no json_schema here", ConfigError), ("bad key", ModelError)):
        body = json.dumps({"error": {"message": said, "code": 401 if "key" in said else 400}})
        with faulty_server(answer=lambda _, sent=body: sent.encode()) as server:
            with pytest.raises(kind):
                engine(server, concurrency=1).generate([ask(n, schema=SCHEMA) for n in "abcd"])
            assert len(server.bodies) == 1


def test_an_error_within_a_stream_is_read() -> None:
    with pytest.raises(chat.Complaint, match="overloaded"):
        chat.read(b'data: {"choices": []}\n\ndata: {"error": {"message": "overloaded"}}\n\n')


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no room"},
        {"error": {"message": "no room"}},
        {"detail": [{"msg": "no  room"}]},
        [{"error": {"message": "no room"}}],
        {"message": "no room"},
    ],
)
def test_what_a_server_says_is_found_wherever_it_puts_it(body: Any) -> None:
    assert chat.complaint(body) == "no room"
