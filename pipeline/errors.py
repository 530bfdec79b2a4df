"""The one error tree: what happened, what to do about it, and the exit code it ends with.

Exit codes: 0 done · 1 bug · 2 usage or config · 3 input data · 4 model not available ·
5 partial · 6 budget reached · 7 busy · 130 interrupted.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_MODEL = 4
EXIT_PARTIAL = 5
EXIT_BUDGET = 6
EXIT_BUSY = 7
EXIT_INTERRUPTED = 130


class LikebutError(Exception):
    """A problem the user can act on: one clear ``message`` and, where there is one, a ``hint``."""

    exit_code = EXIT_BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(LikebutError):
    """A recipe, profile, prompt, option or name that does not hold together."""

    exit_code = EXIT_USAGE


class InputError(LikebutError):
    """Input data that is missing or cannot be read."""

    exit_code = EXIT_INPUT


class ModelError(LikebutError):
    """A model, device or optional package that is not available here."""

    exit_code = EXIT_MODEL


class ReplyError(LikebutError):
    """An LLM reply that does not fit its schema; the reason stage retries, then falls back."""

    exit_code = EXIT_PARTIAL


class BudgetReached(LikebutError):
    """The next model call would break a limit; what was paid for is kept."""

    exit_code = EXIT_BUDGET


class BusyError(LikebutError):
    """Another process holds what must be written; the same command may be run again."""

    exit_code = EXIT_BUSY


def did_you_mean(name: str, known: list[str]) -> str:
    """A hint for an unknown ``name``: the nearest known names, else the list of all."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=3, cutoff=0.55)
    if near:
        return "did you mean " + " or ".join(repr(n) for n in near) + "?"
    return "known: " + ", ".join(sorted(known))


def check_choice(option: str, value: Any, known: Collection[str]) -> None:
    """Raises ConfigError for a value that ``option`` ("engine option structured") does not take."""
    if value not in known:
        raise ConfigError(f"{option}: no {value!r}", did_you_mean(str(value), list(known)))
