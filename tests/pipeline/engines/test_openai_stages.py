"""Stages whose models lie with a server: cached, retried, marked, and asked again when it is back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.batch.run import run_batch
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.records.chat import Sampling
from likebut.pipeline.stages.ask import Question, ask
from tests.pipeline.colours import REPLY, colour_composer
from tests.pipeline.engines.faulty_server import FaultyServer, faulty_server

PROMPT = prompting.load("reason/likebut")


def behind(server: FaultyServer, cache: Cache, **options: Any) -> CachedEngine:
    settings = {"base_url": server.url, "attempts": 1, **options}
    return CachedEngine(EngineSpec("openai", "qwen", options=settings), cache)


def replies_of(*acts: str) -> Callable[[str, int], str]:
    """What the server does with its first, second, … request, whatever that is."""
    turns = iter(acts)
    return lambda words, attempt: next(turns, "ok")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache.sqlite")


def test_the_reason_stage_hands_over_its_schema_and_gets_better_answers_when_it_asks_again(
    cache: Cache,
) -> None:
    with faulty_server(replies_of("garbage", "length", "ok"), lambda body: REPLY) as server:
        question = [Question("a red square", "make it blue")]
        intent, exchanges = ask(question, PROMPT, behind(server, cache), Sampling())[0]
        again = ask(question, PROMPT, behind(server, cache), Sampling())[0]
    assert (intent.target_caption, intent.fallback) == ("a blue square", "")
    assert [exchange.reply.finish for exchange in exchanges] == ["stop", "length", "stop"]
    assert [exchange.repaired for exchange in exchanges] == [False, False, False]
    bodies = server.bodies
    assert [body["response_format"]["json_schema"]["schema"] for body in bodies] == [PROMPT.schema] * 3
    assert [(body["temperature"], body["seed"]) for body in bodies] == [(0, 0), (0.3, 1), (0.6, 2)]
    assert [len(body["messages"]) for body in bodies] == [2, 4, 4]  # the garbage is shown, no torn end
    assert again[0] == intent  # all three from the cache
    assert [exchange.reply.cached for exchange in again[1]] == [True] * 3
    assert sum(server.delivered.values()) == 3


def test_a_reply_that_is_always_cut_ends_as_a_marked_fallback(cache: Cache) -> None:
    with faulty_server(lambda words, attempt: "length", lambda body: REPLY) as server:
        intent, exchanges = ask([Question("a cat", "as a dog")], PROMPT, behind(server, cache), Sampling())[
            0
        ]
    assert intent.target_caption == "a cat, as a dog"
    assert "cut at 5 tokens" in intent.fallback
    assert len(exchanges) == 3


def test_a_batch_goes_on_while_a_call_fails_and_asks_it_again_on_the_next_run(
    tmp_path: Path, cache: Cache
) -> None:
    """Pictures are told apart by what the server is shown: red, the second query's, is refused."""
    rows = [
        {"id": f"{colour} {n}", "reference": f"gallery/{colour}.png", "modification": f"blue {n}"}
        for n, colour in enumerate(("green", "red", "grey"))
    ]
    queries, out = tmp_path / "queries.jsonl", tmp_path / "out.jsonl"
    down = [True]

    def script(words: str, attempt: int) -> str:
        return "503" if down[0] and "Describe" in words and attempt == 2 else "ok"

    def answer(body: dict[str, Any]) -> str:
        seen = isinstance(body["messages"][-1]["content"], list)
        return "a square of one colour" if seen else REPLY

    with faulty_server(script, answer) as server:
        composer = colour_composer(tmp_path)
        engine = behind(server, cache, concurrency=1)
        composer = replace(composer, captioner=engine, reasoner=behind(server, cache))
        queries.write_text("\n".join(map(json.dumps, rows)))
        report = run_batch(queries, out, composer, k=1)
        assert (report.done, report.failed) == (3, 1)
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        assert [bool(line["error"]) for line in lines] == [False, True, False]
        assert lines[1]["error"] == ("the captioner gave no answer: HTTP 503: out of order (1 attempts)")
        assert lines[1]["exchanges"][0]["reply"]["finish"] == "failed"
        assert lines[0]["exchanges"][0]["reply"]["served"] == "qwen-0613 fp_1"
        before = sum(server.delivered.values())
        answered = [e for line in lines for e in line["exchanges"] if not e["reply"]["error"]]
        assert before == len(answered) == 4
        down[0] = False
        report = run_batch(queries, out, composer, k=1, retry_errors=True)
        assert (report.done, report.skipped, report.failed) == (1, 2, 0)
        assert sum(server.delivered.values()) == before + 2  # its caption and its reasoning
    assert {json.loads(line)["error"] for line in out.read_text().splitlines()} == {""}
