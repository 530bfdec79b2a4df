"""The same LLM as a judge: transformers, vLLM in this process and as a server are equally sure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.engines.vllm import VLLMEngine
from likebut.pipeline.records.chat import Reply
from tests.real.judging import CLOSE, furthest, verdicts
from tests.real.test_in_process import OPTIONS
from tests.real.test_server import serving, spec


def test_it_is_as_sure_of_yes_as_transformers_is(
    language_model: Path, weighed: list[Reply], capsys: pytest.CaptureFixture[str]
) -> None:
    spec = EngineSpec("vllm", str(language_model), dtype="float32", batch_size=16, options=OPTIONS)
    engine = VLLMEngine(spec)
    apart = furthest(engine.generate(verdicts()), weighed)
    engine.close()
    with capsys.disabled():
        print(f"\nvLLM in process: confidences differ from those of transformers by {apart:.4f} at most")
    assert apart <= CLOSE


@pytest.fixture(scope="module")
def exact_url(language_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that computes in float32."""
    with serving(language_model, "float32", tmp_path_factory.mktemp("server") / "log") as url:
        yield url


def test_a_server_is_as_sure_of_yes_as_transformers_is(
    exact_url: str, weighed: list[Reply], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Cache(tmp_path / "cache.sqlite") as cache:
        engine = CachedEngine(spec(exact_url, concurrency=16), cache)
        apart = furthest(engine.generate(verdicts()), weighed)
        assert furthest(engine.generate(verdicts()), weighed) == apart  # from the cache
    with capsys.disabled():
        print(f"\nvLLM as a server: confidences differ from those of transformers by {apart:.4f} at most")
    assert apart <= CLOSE
