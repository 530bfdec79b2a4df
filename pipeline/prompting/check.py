"""What can be wrong with a prompt template, each fault with its line.

An error means that the template cannot be used as it says; a warning that it can, and why it is not as
good as it could be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .. import prompting
from ..errors import ConfigError, did_you_mean
from ..records.roles import ELEMENTS
from . import Prompt, rendering

# What each stage gives to its prompts, and needs them to take.
GIVEN = {
    "describe": ("modification",),
    "reason": ("caption", "modification", "suggestion", "history"),
    "dialogue": ("target_caption", "modification", "history", "candidate"),
}
NEEDED = {"describe": (), "reason": ("caption", "modification"), "dialogue": ("candidate",)}
# The fields of a reply that the reason stage reads, with any other list that a recipe gives a weight.
READ = ("reasoning", "target_caption", "rewrites", *ELEMENTS)
# Fixed text behind a variable that is worth a word: about 50 tokens.
_LATE = 200


@dataclass(frozen=True, order=True)
class Problem:
    """One fault of one template, at a line from 1."""

    file: str
    line: int
    level: str
    text: str


def check(name: str) -> list[Problem]:
    """The faults of a prompt, by line. Raises ConfigError where there is no such prompt."""
    path = prompting.path_of(name)
    try:
        prompt = prompting.load(name)
    except ConfigError as problem:
        words = problem.message.removeprefix(f"{path}: ") + (f" — {problem.hint}" if problem.hint else "")
        return [Problem(str(path), _front_line(path, problem.message), "error", words)]
    stage = path.parent.name if path.parent.name in GIVEN else ""
    found: list[tuple[int, str, str]] = []
    for part in (_syntax, _variables, _order, _schema, _examples):
        faults = list(part(prompt, stage))
        found += faults
        if part in (_syntax, _schema) and any(level == "error" for _, level, _ in faults):
            break  # what follows rests on it
    return sorted(Problem(str(path), *fault) for fault in found)


Faults = Iterator[tuple[int, str, str]]


def _front_line(path: Path, message: str) -> int:
    """The line of a fault in the front matter: where TOML says it is, or where its key is."""
    if place := re.search(r"at line (\d+)", message):
        return int(place.group(1)) + 1
    named = re.search(r"unknown key '(\w+)'|: (\w+): ", message)
    text = path.read_text(encoding="utf-8", errors="replace")
    return _line_of(text, (named.group(1) or named.group(2)) if named else "+++")


def _line_of(source: str, key: str) -> int:
    """The first line that gives ``key`` a value or a table; 1 where none does."""
    wanted = re.compile(rf"\s*(?:{re.escape(key)}\s*=|\[+[\w.]*\b{re.escape(key)}\]+)")
    lines = enumerate(source.splitlines(), 1)
    return next((number for number, line in lines if wanted.match(line)), 1)


def _syntax(prompt: Prompt, stage: str) -> Faults:
    from jinja2 import TemplateSyntaxError

    pieces = prompting.pieces(prompt)
    for piece in pieces:
        try:
            rendering.environment().parse(piece.text)
        except TemplateSyntaxError as problem:
            yield piece.line + problem.lineno - 1, "error", str(problem.message)
    if pieces[-1].role != "user":
        yield pieces[-1].line, "error", "the last message is not the user's"


def _variables(prompt: Prompt, stage: str) -> Faults:
    """Declared, used and given must be the same."""
    from jinja2 import meta, nodes

    used = set()
    for piece in prompting.pieces(prompt):
        tree = rendering.environment().parse(piece.text)
        names = meta.find_undeclared_variables(tree) - {"examples", "language"}
        used |= names
        for name in sorted(names - set(prompt.variables)):
            place = next(n.lineno for n in tree.find_all(nodes.Name) if n.name == name)
            hint = did_you_mean(name, list(prompt.variables)) if prompt.variables else ""
            text = f"uses the variable {name!r}, which `variables` does not declare"
            yield piece.line + place - 1, "error", f"{text}: {hint}" if hint else text
    line = _line_of(prompt.source, "variables")
    for name in prompt.variables:
        if name not in used:
            yield line, "error", f"declares the variable {name!r} and does not use it"
        if stage and name not in GIVEN[stage]:
            given = ", ".join(GIVEN[stage])
            yield line, "error", f"the {stage} stage gives {given}, and no {name!r}"
    for name in NEEDED.get(stage, ()):
        if name not in prompt.variables:
            yield line, "error", f"the {stage} stage gives {name!r}, which is not declared"


def _schema(prompt: Prompt, stage: str) -> Faults:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if prompt.schema is None:
        return
    try:
        Draft202012Validator.check_schema(dict(prompt.schema))
    except SchemaError as problem:
        where = [str(part) for part in problem.absolute_path]
        key = where[1] if where[:1] == ["properties"] and where[1:] else (where or ["schema"])[0]
        line = _line_of(prompt.source, key)
        yield line, "error", f"no valid JSON schema: {'/'.join(where)}: {problem.message}"
        return
    properties: Mapping[str, Any] = prompt.schema.get("properties", {})
    for name in prompt.schema.get("required", ()):
        if name not in properties:
            line = _line_of(prompt.source, "required")
            yield line, "error", f"requires {name!r}, which has no entry under properties"
    if stage == "reason":
        yield from _fields(prompt, properties)
    for name, rule in properties.items():
        if missing := _unbounded(rule):
            line = _line_of(prompt.source, name)
            yield line, "warning", f"{name} has no {missing}: constrained decoding may never end it"


def _fields(prompt: Prompt, properties: Mapping[str, Any]) -> Faults:
    for name, rule in properties.items():
        meant = get_close_matches(name, READ, 1)
        if name not in READ and (meant or not prompting.is_list(rule)):
            hint = did_you_mean(name, list(READ))
            yield (_line_of(prompt.source, name), "warning", f"nothing reads the field {name!r}: {hint}")
    if "reasoning" in properties and next(iter(properties)) != "reasoning":
        text = "reasoning is not the first field: the thoughts would come after the answer"
        yield _line_of(prompt.source, "reasoning"), "warning", text


def _unbounded(rule: Any) -> str:
    """The bound that a string, or a list of strings, lacks."""
    if not isinstance(rule, Mapping):
        return ""
    if rule.get("type") == "string" and not {"maxLength", "enum", "const"} & set(rule):
        return "maxLength"
    if rule.get("type") == "array":
        return _unbounded(rule.get("items", {})) if "maxItems" in rule else "maxItems"
    return ""


def _examples(prompt: Prompt, stage: str) -> Faults:
    """Every example gives all variables, and a reply that the schema takes, bounds and all."""
    lines = [
        number
        for number, line in enumerate(prompt.source.splitlines(), 1)
        if line.strip() == "[[examples]]"
    ] or [_line_of(prompt.source, "examples")]
    if prompt.schema is not None and not prompt.examples:
        yield 1, "warning", "no [[examples]] that show variables and the right reply"
    for number, example in enumerate(prompt.examples):
        line = lines[min(number, len(lines) - 1)]
        for text in _example(prompt, example):
            yield line, "error", f"example {number + 1}: {text}"


def _example(prompt: Prompt, example: Any) -> Iterator[str]:
    from jsonschema import Draft202012Validator

    if not isinstance(example, dict):
        yield "is no table"
        return
    wanted = {*prompt.variables, "reply"}
    for name in sorted(set(example) ^ wanted):
        yield f"has no {name!r}" if name in wanted else f"has {name!r}, which is no variable"
    reply = example.get("reply")
    if prompt.schema is None:
        if "reply" in example and not (isinstance(reply, str) and reply.strip()):
            yield "the reply is no text"
        return
    for problem in Draft202012Validator(prompt.schema).iter_errors(reply):
        yield f"reply{''.join(f'.{part}' for part in problem.path)}: {problem.message}"


def _order(prompt: Prompt, stage: str) -> Faults:
    """What never changes belongs before what does: servers reuse what they have read already."""
    first: tuple[int, str] | None = None
    late, before = 0, ""
    for piece in prompting.pieces(prompt):
        for line, kind, text in rendering.environment().lex(piece.text):
            named = kind == "name" and text in prompt.variables and before != "."
            if first is None and named:
                first = (piece.line + line - 1, text)
            elif first is not None and kind == "data":
                late += len(text)
            before = text
    if first is not None and late > _LATE:
        text = f"{first[1]!r} stands before {late} characters that never change: put it after them"
        yield first[0], "warning", text
