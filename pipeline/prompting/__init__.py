"""Prompt templates: read, fingerprint, render to messages.

A template is a `.j2` file: TOML front matter between `+++` lines (version, description, paper,
variables, reply = "text" or "json", images, schema, examples), then messages that begin with
`=== role ===` lines. Besides its variables it sees the ``examples``: values of the variables, and
the right ``reply`` (a table in the front matter, its JSON in the template), and the ``language`` that
the answer is wanted in.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import ConfigError, did_you_mean
from ..records.chat import Message
from ..records.roles import FIELDS
from . import rendering

# The repository and the wheel both put `prompts/` beside `pipeline/`.
FOLDER = Path(__file__).parent.parent.parent / "prompts"
LANGUAGE = "English"  # of answers, where nothing else is asked for
_NAME = re.compile(r"[\w-]+/[\w-]+")  # "stage/name"
_FRONT = re.compile(r"\A\+\+\+\n(.*?)\n\+\+\+\n(.*)\Z", re.DOTALL)
_ROLE = re.compile(r"^=== (system|user|assistant) ===$", re.MULTILINE)
_KEYS = {
    "version": str,
    "description": str,
    "paper": str,
    "variables": list,
    "reply": str,
    "images": bool,
    "schema": dict,
    "examples": list,
}


@dataclass(frozen=True)
class Prompt:
    """One template; ``fingerprint`` changes with any byte of it."""

    name: str
    version: str
    description: str
    variables: tuple[str, ...]
    reply: str
    images: bool
    schema: Mapping[str, Any] | None
    source: str = field(repr=False)
    fingerprint: str = ""
    paper: str = ""
    examples: tuple[Mapping[str, Any], ...] = ()
    language: str = LANGUAGE


def names() -> list[str]:
    """The prompts of this package, "stage/name"."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.j2"))


def path_of(name: str) -> Path:
    """The file of a prompt, by name or path. Raises ConfigError."""
    ours = FOLDER / f"{name}.j2"
    path = ours if _NAME.fullmatch(name) and ours.is_file() else Path(name)
    if path.suffix != ".j2" or not path.is_file():
        raise ConfigError(f"no prompt {name!r}", did_you_mean(name, names()))
    return path


def load(name: str, language: str = LANGUAGE) -> Prompt:
    """A prompt by name or by the path of a `.j2` file, answered in a language. Raises ConfigError."""
    path = path_of(name)
    try:
        return replace(_parse(name, path, path.read_text(encoding="utf-8")), language=language)
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} cannot be read as text: {problem}") from problem


def _parse(name: str, path: Path, source: str) -> Prompt:
    found = _FRONT.match(source)
    if found is None:
        raise ConfigError(f"{path}: no front matter", "begin the file with +++ lines around TOML")
    try:
        front = tomllib.loads(found.group(1))
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"{path}: front matter is not valid TOML: {problem}") from problem
    for key, value in front.items():
        if key not in _KEYS:
            raise ConfigError(f"{path}: unknown key {key!r}", did_you_mean(key, list(_KEYS)))
        if not isinstance(value, _KEYS[key]):
            raise ConfigError(f"{path}: {key}: {value!r} is no {_KEYS[key].__name__}")
    reply = front.get("reply", "text")
    if reply not in ("text", "json") or (reply == "json") != ("schema" in front):
        raise ConfigError(f"{path}: reply is text, or json with a [schema]")
    if not _ROLE.search(found.group(2)):
        raise ConfigError(f"{path}: no message", "begin messages with a line `=== user ===`")
    return Prompt(
        name=name,
        version=str(front.get("version", "")),
        description=front.get("description", ""),
        variables=tuple(front.get("variables", ())),
        reply=reply,
        images=bool(front.get("images")),
        schema=front.get("schema"),
        source=source,
        fingerprint=hashlib.sha256(source.encode()).hexdigest()[:16],
        paper=front.get("paper", ""),
        examples=tuple(front.get("examples", ())),
    )


def lists(prompt: Prompt) -> list[str]:
    """The lists of a prompt's replies by its schema; the rewrites are none of elements."""
    properties = (prompt.schema or {}).get("properties", {})
    return [name for name, rule in properties.items() if is_list(rule) and name not in FIELDS]


def is_list(rule: Any) -> bool:
    """Whether a property of a schema is a list."""
    return isinstance(rule, Mapping) and rule.get("type") == "array"


@dataclass(frozen=True)
class Piece:
    """The template of one message, and the line of the file on which it begins (from 1)."""

    role: str
    text: str
    line: int


def pieces(prompt: Prompt) -> list[Piece]:
    """The messages of a prompt before rendering."""
    return list(_pieces(prompt.source))


@cache  # thousands of renderings of one prompt
def _pieces(source: str) -> tuple[Piece, ...]:
    found = _FRONT.match(source)
    assert found is not None
    parts = _ROLE.split(found.group(2))
    cut, line = [], 1 + source.count("\n", 0, found.start(2)) + parts[0].count("\n")
    for role, body in zip(parts[1::2], parts[2::2], strict=True):
        blank = body[: len(body) - len(body.lstrip())]
        cut.append(Piece(role, body.strip(), line + blank.count("\n")))
        line += body.count("\n")
    return tuple(cut)


def render(
    prompt: Prompt, variables: Mapping[str, str], images: Sequence[Path] = ()
) -> tuple[Message, ...]:
    """The messages of a prompt; images go to its last user message.

    Variables are flattened to one line and cannot open a message of their own. Raises ConfigError
    for a variable that is missing or not declared.
    """
    for name in prompt.variables:
        if name not in variables:
            raise ConfigError(f"prompt {prompt.name} needs the variable {name!r}")
    for name in variables:
        if name not in prompt.variables:
            hint = did_you_mean(name, list(prompt.variables))
            raise ConfigError(f"prompt {prompt.name} has no variable {name!r}", hint)
    flat = {name: " ".join(str(value).split()) for name, value in variables.items()}
    examples = [_shown(example) for example in prompt.examples]
    messages = []
    for piece in pieces(prompt):
        where = f"prompt {prompt.name}"
        values = {**flat, "examples": examples, "language": prompt.language}
        text = rendering.render(piece.text, values, where)
        messages.append(Message(piece.role, text))
    if images:
        last = max(i for i, message in enumerate(messages) if message.role == "user")
        messages[last] = Message("user", messages[last].text, tuple(images))
    return tuple(messages)


def _shown(example: Mapping[str, Any]) -> dict[str, Any]:
    """An example as templates see it: a reply that is a table is JSON, in its own order."""
    reply = example.get("reply", "")
    text = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)
    return {**example, "reply": text}
