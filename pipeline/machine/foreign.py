"""Code that a model brings along is never run: what it may do to a machine, nobody here has read.

Without being told, transformers asks on the terminal and takes the answer from stdin, which may be
a stream of queries.
"""

from __future__ import annotations

from ..errors import ModelError


def never_ask() -> None:
    """For libraries that load by transformers and say nothing about code: refuse without a question."""
    from transformers import dynamic_module_utils

    dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0


def wants_to_run(problem: BaseException) -> bool:
    """Whether loading failed because code of the model itself would be needed."""
    return "trust_remote_code" in str(problem) or "custom code" in str(problem)


def refused(model: str) -> ModelError:
    """What is said then."""
    return ModelError(
        f"the model {model} needs code of its own, which is not run here",
        "choose a model that the library itself knows, or serve it and use the openai engine",
    )
