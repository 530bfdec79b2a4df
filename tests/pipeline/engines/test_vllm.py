"""The vllm engine as far as it goes without vLLM; with it: tests/real, by `make test-engines`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from likebut.pipeline.engines import make_engine
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.engines.vllm import share_of_memory
from likebut.pipeline.errors import ConfigError, LikebutError, ModelError


def problem_of(**options: Any) -> LikebutError:
    with pytest.raises(LikebutError) as caught:
        make_engine(EngineSpec("vllm", "some/model", options=options))
    return caught.value


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tensor_parallel": 2}, "tensor_parallel_size"),
        ({"structured": "json"}, "json_schema"),
        ({"template": "enable_thinking"}, "enable_thinking = false"),
    ],
)
def test_a_wrong_option_is_told_before_anything_is_loaded(options: dict[str, Any], said: str) -> None:
    problem = problem_of(**options)
    assert isinstance(problem, ConfigError)
    assert said in f"{problem.message} {problem.hint}"


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_the_package_the_command_that_installs_it_is_told() -> None:
    problem = problem_of()
    assert isinstance(problem, ModelError)
    assert "likebut[vllm]" in problem.hint


def test_memory_is_planned_by_what_is_free() -> None:
    assert share_of_memory(free=24e9, total=24e9) == 0.8
    assert share_of_memory(free=6e9, total=24e9) == 0.2
    assert share_of_memory(free=0, total=24e9) == 0.01
