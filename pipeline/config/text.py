"""Recipes as text: a file with other numbers and all else as it was, and two compared key by key."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..machine.outputs import replacing
from .parts import ReasonStage
from .recipe import Recipe

_WORDS = ("name", "description", "paper")  # these change nothing that is done
_HEADER = re.compile(r"\s*\[")
_VARIANT = re.compile(r"\s*\[\[?\s*variants\b")
_REASON = re.compile(r"\s*\[\[?\s*reason\b")


def rewritten(text: str, sections: Mapping[str, Mapping[str, float]], weights_from: str) -> str:
    """The text with ``weights_from``, and with these numbers under the header of each section.

    Variants go: their numbers would take the place of these wherever a profile asks for one. Raises
    ConfigError where a section is written in a way that is not understood here.
    """
    lines = _without(text.removesuffix("\n").split("\n"), _VARIANT)
    first = next((n for n, line in enumerate(lines) if _HEADER.match(line)), len(lines))
    _set(lines, 0, first, {"weights_from": json.dumps(weights_from, ensure_ascii=False)})
    known = tomllib.loads(text)
    for section, numbers in sections.items():
        changed = {
            name: repr(float(value))
            for name, value in numbers.items()
            if _at(known, section).get(name) != value
        }
        start = next((n for n, line in enumerate(lines) if _names(line, section)), None)
        if start is not None:
            rest = range(start + 1, len(lines))
            end = next((n for n in rest if _HEADER.match(lines[n])), len(lines))
            _set(lines, start + 1, end, changed)
    result = "\n".join(lines) + "\n"
    wrong = _not_held(result, sections, weights_from)
    if wrong:
        raise ConfigError(
            f"the recipe's text cannot be given other numbers: {wrong} is not understood",
            "weights need a header such as [grains] and a line each",
        )
    return result


def write(path: Path, text: str) -> None:
    """Write a file, all or nothing, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def with_questions(text: str, stages: Sequence[ReasonStage]) -> str:
    """The text with these questions for its own, where they are others."""
    known = tomllib.loads(text).get("reason", [])
    wanted = [stage.model_dump(mode="json", exclude_defaults=True) for stage in stages]
    if (known if isinstance(known, list) else [known]) == wanted or not stages:
        return text
    lines = text.removesuffix("\n").split("\n")
    place = next((n for n, line in enumerate(lines) if _REASON.match(line)), len(lines))
    blocks = [
        ["[[reason]]", *(f"{key} = {json.dumps(value)}" for key, value in one.items()), ""]
        for one in wanted
    ]
    head = lines[:place] + [line for block in blocks for line in block]
    return "\n".join(head + _without(lines[place:], _REASON)) + "\n"


def _without(lines: Sequence[str], header: re.Pattern[str]) -> list[str]:
    """The lines less every table whose header fits, and less the comments right above them."""
    kept: list[str] = []
    inside = False
    for line in lines:
        if _HEADER.match(line):
            inside = header.match(line) is not None
            while inside and kept and (not kept[-1].strip() or kept[-1].startswith("#")):
                kept.pop()
        if not inside:
            kept.append(line)
    return kept


def _names(line: str, section: str) -> bool:
    return re.fullmatch(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?", line) is not None


def _set(lines: list[str], start: int, end: int, values: Mapping[str, str]) -> None:
    """Change ``key = value`` lines between two places; a key that is not there goes to the end."""
    for key, value in values.items():
        pattern = re.compile(rf'(\s*"?{re.escape(key)}"?\s*=\s*)("[^"]*"|[^#\s]+)(.*)')
        for number in range(start, end):
            if match := pattern.fullmatch(lines[number]):
                lines[number] = match[1] + value + match[3]
                break
        else:
            last = end
            while last > start and (not lines[last - 1].strip() or lines[last - 1][0] == "#"):
                last -= 1
            plain = re.fullmatch(r"[A-Za-z0-9_-]+", key)
            lines.insert(last, f"{key if plain else json.dumps(key)} = {value}")
            end += 1


def _at(values: Mapping[str, Any], section: str) -> Any:
    """The table at a dotted path; empty where there is none."""
    for part in section.split("."):
        values = values.get(part, {})
    return values


def _not_held(text: str, sections: Mapping[str, Mapping[str, float]], weights_from: str) -> str:
    """The first part of the text that does not say what it should; empty where all does."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return "its layout"
    if values.get("weights_from") != weights_from:
        return "weights_from"
    held = (
        all(_at(values, name).get(key) == value for key, value in numbers.items())
        for name, numbers in sections.items()
    )
    return next((f"[{name}]" for name, right in zip(sections, held, strict=True) if not right), "")


def differences(first: Recipe, second: Recipe) -> list[tuple[str, Any, Any]]:
    """(key, value in ``first``, value in ``second``) of all that differs but names and words.

    Keys are dotted paths ("grains.reference", "reason.1.prompt", counted from 1); None stands for
    a key that is not there. The numbers of a family are there whether or not a file says them.
    """
    sides = _flat(_resolved(first)), _flat(_resolved(second))
    keys = dict.fromkeys(key for side in sides for key in side)
    pairs = [(key, sides[0].get(key), sides[1].get(key)) for key in keys]
    return [(key, a, b) for key, a, b in pairs if a != b]


def _resolved(recipe: Recipe) -> dict[str, Any]:
    from ..scoring import FAMILIES

    values = recipe.model_dump(mode="json", exclude=set(_WORDS))
    values["fusion"]["numbers"] = {**FAMILIES[recipe.fusion.family].numbers, **recipe.fusion.numbers}
    return values


def _flat(values: Any, path: str = "") -> dict[str, Any]:
    if isinstance(values, list):
        values = {str(number): value for number, value in enumerate(values, 1)}
    if not isinstance(values, dict):
        return {path: values}
    return {
        key: value
        for name, part in values.items()
        for key, value in _flat(part, f"{path}.{name}" if path else name).items()
    }
