"""Real engines on this machine: `make test-engines` puts them there and runs these tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from likebut.pipeline.engines import make_engine
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.records.chat import Reply
from tests.real.judging import verdicts

ENGINES = os.environ.get("LIKEBUT_ENGINES")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without engines nothing here runs; with them a test may take its time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            if not ENGINES:
                item.add_marker(pytest.mark.skip(reason="needs real engines: make test-engines"))
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="session")
def language_model() -> Path:
    """The folder of the real LLM."""
    assert ENGINES
    return Path(ENGINES, "llm").absolute()


@pytest.fixture(scope="session")
def weighed(language_model: Path) -> list[Reply]:
    """What the LLM says of every candidate by the transformers engine, in float32."""
    spec = EngineSpec("transformers", str(language_model), device="cpu", dtype="float32", batch_size=10)
    return make_engine(spec).generate(verdicts())


@pytest.fixture(scope="session", autouse=True)
def all_cores() -> None:
    """vLLM would leave a core to its front end, which has little to do here."""
    cores = ",".join(str(core) for core in sorted(os.sched_getaffinity(0)))
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", cores)
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")  # GiB
    os.environ.setdefault("VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS", "1800")  # of one step
