"""Closed vocabularies: words that a profile's models were never taught, and answer all the same."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from functools import cache

from ..errors import ConfigError
from ..machine import models

# Words with what follows an apostrophe, numbers, and signs that say something, such as an emoji.
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s!-/:-@\[-`{-~–—…“”‘’«»]")
# They say nothing of a picture by themselves, whatever a model knows.
_FUNCTION = frozenset(
    word
    for line in (
        "a an and as at be but by for from in into is it its just no not now of on or so",
        "than that the then there this to too with without",
    )
    for word in line.split()
)


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
        raise ConfigError(f"{model} has no closed vocabulary", "leave out vocabulary in the profile")
    return frozenset(word.strip().lower() for word in known["vocab"])


def unknown_words(text: str, known: Collection[str]) -> list[str]:
    """The words of a text that are not known, each once, in order; none where any word may be."""
    return [word for word in _words(text) if not _is_known(word, known)] if known else []


def warning(text: str, known: Collection[str], profile: str) -> str:
    """What is to be said of a sentence; empty where all of it is known."""
    unknown = unknown_words(text, known)
    if not unknown:
        return ""
    named = ", ".join(repr(word) for word in unknown[:8]) + (", …" if len(unknown) > 8 else "")
    known = [w for w in _words(text) if w not in unknown and w not in _FUNCTION]
    if known:
        what = f"do not know {named}, and answer as if it were not there"
    else:
        what = f"know nothing of the sentence ({named}), so that the ranking means nothing"
    return f"the models of profile {profile} {what}; --profile cpu has models that do"


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))


def _is_known(word: str, known: Collection[str]) -> bool:
    """A word, or what it is before an apostrophe ("cat's")."""
    return word in known or re.split("['’]", word)[0] in known
