"""A real vLLM server with a real LLM behind the openai engine, also through a proxy that fails."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.machine.devices import choose_dtype
from likebut.pipeline.records.chat import Message, Sampling
from tests.pipeline.engines.faulty_server import FaultyServer, faulty_server
from tests.real.asking import COUNT, ask

MODEL = "qwen"
COMPACT = '{"backend": "xgrammar", "disable_any_whitespace": true}'
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["number"],
    "properties": {"number": {"type": "integer", "minimum": 0, "maximum": 999}},
}
# What the proxy does with the n-th of 200 requests, attempt by attempt; "hang" is a time-out.
FAULTS: dict[int, tuple[str, ...]] = {
    3: ("reset", "ok"),
    17: ("429 after 1", "ok"),
    31: ("500", "500", "ok"),
    40: ("cut", "ok"),
    58: ("hang", "ok"),
    77: ("garbage",),
    90: ("cut json", "ok"),
    111: ("reset", "429 after 1", "ok"),
    140: ("400 not this one",),
    163: ("503", "hang", "ok"),
    199: ("500",) * 9,
}


@pytest.fixture(scope="module")
def url(language_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a vLLM server that holds the model."""
    dtype = str(choose_dtype("auto", "cpu")).removeprefix("torch.")
    with serving(language_model, dtype, tmp_path_factory.mktemp("server") / "log") as address:
        yield address


@contextmanager
def serving(language_model: Path, dtype: str, log: Path) -> Iterator[str]:
    """A vLLM server with the model, for as long as the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        # `vllm serve` asks for the version of a package that the CPU build does not come in
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        str(language_model),
        "--served-model-name",
        MODEL,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--dtype",
        dtype,
        "--max-model-len",
        "2048",
        "--max-num-seqs",
        "64",
        "--enforce-eager",
        "--max-num-batched-tokens",
        "1024",
        "--structured-outputs-config",
        COMPACT,
    ]
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(60)


def _wait(health: str, server: subprocess.Popen[bytes], log: Path) -> None:
    import httpx

    for _ in range(1200):
        assert server.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            if httpx.get(health, timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


def spec(url: str, **options: Any) -> EngineSpec:
    return EngineSpec("openai", MODEL, options={"base_url": url, "timeout": 1200, **options})


def test_a_hundred_questions_are_answered_within_the_schema_and_replayed_for_nothing(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Cache(tmp_path / "cache.sqlite") as cache:
        first = ask(CachedEngine(spec(url, concurrency=64), cache))
        again = ask(CachedEngine(spec(url, concurrency=64), cache))
    with capsys.disabled():
        print(f"\n{first.line('vLLM as a server')}\n{again.line('the same from the cache')}")
    assert first.valid >= 0.99 * COUNT
    assert first.lost == 0
    assert again.calls == 0
    assert again.targets == first.targets


def fault(words: str, attempt: int) -> str:
    acts = FAULTS.get(_number(words), ("ok",))
    return acts[min(attempt, len(acts)) - 1]


def _number(words: str) -> int:
    return int(words.rpartition(" ")[2])


def test_two_hundred_requests_through_a_proxy_that_fails_are_answered_or_marked_once_and_in_order(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import httpx

    said: dict[int, str] = {}  # what the model said last to each request

    def upstream(body: dict[str, Any]) -> bytes:
        answer = httpx.post(f"{url}/chat/completions", json=body, timeout=1200)
        text = answer.json()["choices"][0]["message"]["content"]
        said[_number(body["messages"][-1]["content"])] = text
        return answer.content

    asked = [
        Request(
            (Message("user", f"Answer in JSON with the number that you read here: {n}"),),
            Sampling(max_tokens=16),
            SCHEMA,
        )
        for n in range(200)
    ]
    with Cache(tmp_path / "cache.sqlite") as cache, faulty_server(fault, upstream) as proxy:
        engine = CachedEngine(spec(proxy.url, concurrency=16, timeout=120, attempts=4), cache)
        replies = engine.generate(asked)
        again = engine.generate(asked)
        with capsys.disabled():
            print(f"\nproxy: {dict(proxy.done)}; peak of requests in flight: {proxy.peak}")
        _check(replies, proxy, said)
    marked = [number for number, reply in enumerate(replies) if reply.error]
    assert marked == [140, 199]
    assert [n for n, reply in enumerate(again) if not reply.cached] == marked  # asked once more
    assert proxy.peak <= 16


def _check(replies: list[Any], proxy: FaultyServer, said: dict[int, str]) -> None:
    delivered = Counter({_number(words): count for words, count in proxy.delivered.items()})
    answered = [number for number, reply in enumerate(replies) if not reply.error]
    assert delivered == Counter(answered)  # every answer once, and every delivery in a reply
    spoiled = [number for number, acts in FAULTS.items() if acts == ("garbage",)]
    assert [n for n in answered if replies[n].text != said[n]] == spoiled  # in order, to the letter
    right = sum(json.loads(replies[n].text) == {"number": n} for n in answered if n not in spoiled)
    assert right >= 0.9 * len(answered)  # the answers themselves are to the point
