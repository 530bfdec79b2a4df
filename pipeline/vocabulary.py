"""Closed vocabularies: words that a profile's models were never taught, and answer all the same."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from functools import cache

from pipeline import models
from pipeline.errors import ConfigError

_WORD = re.compile(r"[^\W\d_]+")


@cache
def vocabulary(model: str) -> frozenset[str]:
    """The words of a word-level tokenizer in a model folder; empty for a model without a name.

    Raises ConfigError for a tokenizer that writes any word in pieces, and has no closed vocabulary.
    """
    if not model:
        return frozenset()
    folder = models.local_folder(model)
    path = folder / "tokenizer.json" if folder else None
    known = json.loads(path.read_text(encoding="utf-8"))["model"] if path and path.is_file() else {}
    if known.get("type") != "WordLevel":
        raise ConfigError(
            f"{model} has no closed vocabulary", "leave out vocabulary in the profile"
        )
    return frozenset(word.strip().lower() for word in known["vocab"])


def unknown_words(text: str, known: Collection[str]) -> list[str]:
    """The words of a text that are not known, each once, in order; none where any word may be."""
    words = dict.fromkeys(word.lower() for word in _WORD.findall(text))
    return [word for word in words if word not in known] if known else []


def warning(text: str, known: Collection[str], profile: str) -> str:
    """What is to be said of a sentence; empty where all of it is known."""
    unknown = unknown_words(text, known)
    if not unknown:
        return ""
    named = ", ".join(repr(word) for word in unknown[:8]) + (", …" if len(unknown) > 8 else "")
    alone = len(unknown) == len(dict.fromkeys(word.lower() for word in _WORD.findall(text)))
    means = "no word of the sentence, so that the ranking means nothing" if alone else named
    return (
        f"the models of profile {profile} do not know {means}"
        + (f" ({named})" if alone else ", and answer as if it were not there")
        + "; --profile cpu has models that do"
    )
