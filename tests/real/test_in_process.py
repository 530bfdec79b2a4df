"""vLLM in this process with a real LLM: answers fit the schema, none is lost, a replay is free."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.engines.vllm import VLLMEngine
from likebut.pipeline.errors import ConfigError, ModelError
from likebut.pipeline.records.chat import REFUSED, Message, Sampling
from tests.real.asking import COUNT, ask

OPTIONS = {"max_model_len": 2048, "max_num_batched_tokens": 1024, "enforce_eager": True}


@pytest.fixture(scope="module")
def spec(language_model: Path) -> EngineSpec:
    return EngineSpec("vllm", str(language_model), batch_size=64, options=OPTIONS)


@pytest.fixture(scope="module")
def engine(spec: EngineSpec) -> Iterator[VLLMEngine]:
    engine = VLLMEngine(spec)
    yield engine
    engine.close()


def test_a_hundred_questions_are_answered_within_the_schema_and_replayed_for_nothing(
    engine: VLLMEngine, spec: EngineSpec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Cache(tmp_path / "cache.sqlite") as cache:
        first = ask(CachedEngine(spec, cache, engine))
        again = ask(CachedEngine(spec, cache, engine))
    with capsys.disabled():
        print(f"\n{first.line('vLLM in process')}\n{again.line('the same from the cache')}")
    assert first.valid >= 0.99 * COUNT
    assert first.lost == 0
    assert again.calls == 0
    assert again.targets == first.targets


def test_what_cannot_be_taken_is_refused_alone_and_the_rest_is_answered_in_order(
    engine: VLLMEngine,
) -> None:
    texts = ["Say one.", "word " * 4000, "Say three."]
    came: list[int] = []
    requests = [Request((Message("user", text),), Sampling(max_tokens=4)) for text in texts]
    replies = engine.generate(requests, lambda place, reply: came.append(place))
    assert [reply.finish == REFUSED for reply in replies] == [False, True, False]
    assert "maximum context length" in replies[1].error
    assert all(reply.reply_tokens for reply in (replies[0], replies[2]))
    assert sorted(came) == [0, 1, 2]


def test_an_answer_that_is_cut_says_so(engine: VLLMEngine) -> None:
    request = Request((Message("user", "Count from one to a hundred."),), Sampling(max_tokens=5))
    reply = engine.generate([request])[0]
    assert (reply.finish, reply.reply_tokens) == ("length", 5)


def test_a_model_without_eyes_is_not_shown_pictures(engine: VLLMEngine) -> None:
    request = Request((Message("user", "What is this?", (Path("a.png"),)),))
    with pytest.raises(ConfigError, match="cannot look at images"):
        engine.generate([request])


def test_a_device_that_this_vllm_does_not_run_on_is_said(spec: EngineSpec) -> None:
    with pytest.raises(ModelError, match="vLLM runs on cpu"):
        VLLMEngine(EngineSpec("vllm", spec.model, device="cuda"))
