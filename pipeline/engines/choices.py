"""Choices as next tokens: which tokens spell a word, and how probable it is by what a server shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

SHOWN = 20  # most probable tokens that servers show


def spelled(choice: str, encode: Callable[[str], Sequence[int]]) -> list[int]:
    """The tokens that are the word by themselves, whatever its case and with a space before it or not."""
    cases = dict.fromkeys((choice, choice.lower(), choice.upper(), choice.capitalize()))
    found = (encode(space + word) for word in cases for space in ("", " "))
    return sorted({ids[0] for ids in found if len(ids) == 1})


def chances_of(choices: Sequence[str], shown: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Choice → probability, of (token, its natural logarithm) pairs; 0 for one that is not shown."""
    chances = dict.fromkeys(choices, 0.0)
    by_word: Mapping[str, str] = {choice.casefold(): choice for choice in choices}
    for token, logarithm in shown:
        if choice := by_word.get(token.strip(" \t\n▁Ġ").casefold()):
            chances[choice] += math.exp(logarithm)
    return {choice: min(1.0, chance) for choice, chance in chances.items()}


def likeliest(chances: Mapping[str, float]) -> str:
    """The most probable choice; the first of equals."""
    return max(chances, key=lambda choice: chances[choice])
