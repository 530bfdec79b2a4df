"""What a line of `chat` says: the words of its commands as hits, weights, elements and places."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from ..config.finite import finite
from ..errors import ConfigError, InputError, did_you_mean
from .options import as_text

LONGEST = 10_000  # characters of a line
MARK = ":"
_WEIGHT = re.compile(r"\s*(\S.*?)\s*=\s*([^\s=]+)(?=\s|$)")  # a name may have spaces, and "=" in it
LONGEST_NAME = 200
_SHOWN = 60


def cleaned(line: str) -> str:
    """A line without its end and with spaces for tabs. Raises InputError for what nobody types."""
    line = re.sub(r"[\t\r\n\v\f]", " ", line).strip()
    if len(line) > LONGEST:
        raise InputError(f"the line has more than {LONGEST:,} characters", "say it shorter")
    if any(unicodedata.category(character) == "Cc" for character in line):
        raise InputError("the line has control characters", "type it again")
    return line


def command_of(line: str) -> tuple[str, str]:
    """(command, the rest) of a line; the command is empty for a sentence."""
    if not line.startswith(MARK):
        return "", line
    name, _, rest = line.removeprefix(MARK).lstrip().partition(" ")
    return MARK + name.lower(), rest.strip()


def number(word: str) -> int | None:
    """The whole number that a word says, of a size that a rank may have; None for other words."""
    return int(word) if word.isdecimal() and len(word) < 10 else None


def hit_named(word: str) -> int | str:
    """A hit as a person names it: its rank, or its id."""
    rank = number(word)
    return word if rank is None else rank


def hits_named(rest: str, example: str) -> list[int | str]:
    """The hits that are named, at least one. Raises ConfigError."""
    if not rest:
        raise ConfigError("which hit?", f"for example {example}")
    return list(dict.fromkeys(map(hit_named, rest.split())))


def number_named(rest: str, example: str) -> int:
    """The number that is the whole rest. Raises ConfigError."""
    found = number(rest)
    if found is None:
        raise ConfigError(f"{shown(rest)} is no number" if rest else "which number?", f"as in {example}")
    return found


def hits_and_place(rest: str) -> tuple[list[int | str], str]:
    """(hits, folder): the numbers in front, and what stands behind them. Raises ConfigError."""
    words = rest.split(" ")
    count = next((n for n, word in enumerate(words) if number(word) is None and word), len(words))
    place = " ".join(words[count:]).strip()
    if not place:
        raise ConfigError("no folder is named", "for example :copy 1 3 chosen, or ./2024 for a number")
    return [hit_named(word) for word in words[:count] if word], place


def weights_named(rest: str) -> dict[str, float]:
    """ "reference=0.3 forbidden:a red car=-1" → weights by name. Raises ConfigError."""
    weights: dict[str, float] = {}
    place = 0
    while place < len(rest.rstrip()):
        found = _WEIGHT.match(rest, place)
        try:
            if not found:
                raise ValueError
            weights[found[1]] = finite(found[2])
        except ValueError as problem:
            why = f": {problem}" if str(problem).startswith("not between") else ""
            raise ConfigError(
                f":weight {shown(rest[place:].strip())} is not grain=number{why}",
                "for example :weight reference=0.3",
            ) from None
        place = found.end()
    return weights


def added(rest: str, lists: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """ "forbidden a red car" → that list with one element more. Raises ConfigError."""
    name, _, text = as_text(rest, "the element").partition(" ")
    text = " ".join(text.split())
    if name not in lists:
        raise ConfigError(f"no list {shown(name)}", did_you_mean(name, list(lists)))
    if not text:
        raise ConfigError(f"nothing to add to {name}", f"for example :add {name} a red car")
    if text in lists[name]:
        raise InputError(f"{name} has {shown(text)} already")
    return {name: [*lists[name], text]}


def dropped(rest: str, lists: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The lists that have an element, without it; it is named by its text or as its grain is.

    Raises ConfigError where none has it.
    """
    wanted = " ".join(rest.split()).casefold()
    found = {
        name: [text for text in texts if wanted not in _names(name, text)]
        for name, texts in lists.items()
        if any(wanted in _names(name, text) for text in texts)
    }
    if not found:
        known = elements(lists)
        hint = did_you_mean(rest[:LONGEST_NAME], known) if known else "nothing was understood yet"
        raise ConfigError(f"no element {shown(rest)}", hint)
    return found


def elements(lists: Mapping[str, Iterable[str]]) -> list[str]:
    """All elements, each once."""
    return list(dict.fromkeys(text for texts in lists.values() for text in texts))


def shown(text: str) -> str:
    """A text in quotes, cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def _names(name: str, text: str) -> tuple[str, str]:
    flat = " ".join(text.split()).casefold()
    return flat, f"{name}:{flat}"
