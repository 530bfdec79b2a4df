"""A dialogue: turns that grow from one another, as one JSON file.

Every turn has a whole trace and knows the turn that it grew from, so that going back costs nothing and
several ways may be tried side by side. What a person did is kept as steps: the same dialogue can be had
again with another recipe, other models, or on another gallery.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError, InputError
from ..machine.kept import kept_file
from ..machine.outputs import check_file, replacing
from .lines import read_text
from .shapes import STEP, TRACE, check
from .trace import Trace
from .traces import trace_from_json, trace_to_json

SCHEMA_VERSION = 1
Do = Literal["start", "but", "more", "less", "weigh", "change"]
DOINGS: tuple[Do, ...] = ("start", "but", "more", "less", "weigh", "change")
NOWHERE = -1  # before the first turn


@dataclass(frozen=True)
class Step:
    """What a person did.

    They said a ``sentence``, about a hit that was ``picked`` or what was wanted so far, marked ``hits``
    (ids), gave weights, or changed what was understood (``values`` by name).
    """

    do: Do
    sentence: str = ""
    picked: str = ""
    hits: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """In a few words, for a list of turns."""
        if self.do == "but":
            start = f"from {self.picked}: " if self.picked else ""
            return f"{start}{self.sentence}"
        if self.do in ("more", "less"):
            return f"{self.do} like {', '.join(self.hits)}"
        if self.do == "start":
            return "pictures like it"
        told = ", ".join(f"{name} {_brief(value)}" for name, value in self.values.items())
        return f"{'weights' if self.do == 'weigh' else 'changed'}: {told}"


@dataclass(frozen=True)
class Turn:
    """One turn: what was done, what came of it, the turn before it, and the weights in force."""

    step: Step
    trace: Trace
    parent: int = NOWHERE
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Dialogue:
    """Turns in the order they were made; ``at`` is the one that is looked at.

    ``picked`` is the id of the hit that the next sentence is about, empty: what was wanted last.
    """

    turns: tuple[Turn, ...] = ()
    at: int = NOWHERE
    picked: str = ""

    @property
    def turn(self) -> Turn | None:
        """The turn that is looked at; None before the first."""
        return None if self.at == NOWHERE else self.turns[self.at]

    @property
    def path(self) -> tuple[int, ...]:
        """The numbers of the turns that led to this one, from the first to it."""
        found, at = [], self.at
        while at != NOWHERE:
            found.append(at)
            at = self.turns[at].parent
        return tuple(reversed(found))

    def grown(self, turn: Turn) -> Dialogue:
        """With one turn more, which is looked at; nothing is picked in it yet."""
        return Dialogue((*self.turns, turn), len(self.turns))

    def gone(self, at: int) -> Dialogue:
        """Looking at another turn, NOWHERE: before the first. Raises InputError where there is none."""
        if not NOWHERE <= at < len(self.turns):
            raise InputError(f"no turn {at + 1}", f"there are {len(self.turns)}")
        return replace(self, at=at, picked="")


def to_json(dialogue: Dialogue) -> dict[str, Any]:
    """A JSON-ready record, without vectors; with the pictures that are no files of the person's."""
    return {
        "kind": "dialogue",
        "schema_version": SCHEMA_VERSION,
        "at": dialogue.at,
        "picked": dialogue.picked,
        "pictures": {path: _coded(path) for path in _unkept(dialogue)},
        "turns": [turn_to_json(turn) for turn in dialogue.turns],
    }


def turn_to_json(turn: Turn) -> dict[str, Any]:
    """A JSON-ready record of one turn."""
    return {
        "parent": turn.parent,
        "step": {name: value for name, value in vars(turn.step).items() if value},
        "weights": dict(turn.weights),
        "trace": trace_to_json(turn.trace),
    }


def from_json(record: Any) -> Dialogue:
    """The dialogue of a record. Raises KeyError, TypeError or ValueError for what is none."""
    if record["kind"] != "dialogue" or record["schema_version"] > SCHEMA_VERSION:
        raise ValueError("not a dialogue that this version reads")
    pictures = {str(path): base64.b64decode(data) for path, data in record.get("pictures", {}).items()}
    turns = tuple(_turn(one, number, pictures) for number, one in enumerate(record["turns"]))
    found = Dialogue(turns, int(record["at"]), str(record["picked"]))
    if not NOWHERE <= found.at < len(turns):
        raise ValueError(f"no turn {found.at}")
    return found


def _unkept(dialogue: Dialogue) -> list[str]:
    """Pictures that a person gave by their pixels or an address: their files do not last."""
    queries = (turn.trace.query for turn in dialogue.turns)
    paths = (query.reference for query in queries if query.named and query.reference)
    return list(dict.fromkeys(str(path) for path in paths if path.is_file()))


def _coded(path: str) -> str:
    return base64.b64encode(Path(path).read_bytes()).decode()


def _with_picture(trace: Trace, pictures: Mapping[str, bytes]) -> Trace:
    """The trace with its reference's file, made again where it did not last."""
    query, path = trace.query, trace.query.reference
    if path is None or path.exists() or str(path) not in pictures:
        return trace
    return replace(trace, query=replace(query, reference=kept_file(pictures[str(path)], path.suffix)))


def _turn(record: Mapping[str, Any], number: int, pictures: Mapping[str, bytes]) -> Turn:
    step, parent = record["step"], int(record["parent"])
    if step["do"] not in DOINGS or not NOWHERE <= parent < number:
        raise ValueError(f"turn {number} grows from nothing")
    check(step, STEP, f"turns[{number}].step")
    check(record["trace"], TRACE, f"turns[{number}].trace")
    done = Step(
        step["do"],
        str(step.get("sentence", "")),
        str(step.get("picked", "")),
        tuple(map(str, step.get("hits", ()))),
        dict(step.get("values", {})),
    )
    weights = {str(name): float(weight) for name, weight in record["weights"].items()}
    return Turn(done, _with_picture(trace_from_json(record["trace"]), pictures), parent, weights)


def read(path: Path, later: Iterable[Mapping[str, Any]] = ()) -> Dialogue:
    """The dialogue of a file, and what came of it ``later``: turns that follow the first ``stay``, and
    where it looks. Raises InputError for a file that holds none.
    """
    try:
        record = json.loads(read_text(path, "the dialogue"))
        for one in later:
            record["turns"][one["stay"] :] = one["turns"]
            record |= {"at": one["at"], "picked": one["picked"]}
        return from_json(record)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        raise InputError(
            f"{path} holds no dialogue: {problem}", "give a file that a session was saved in"
        ) from problem


def write(dialogue: Dialogue, path: Path) -> None:
    """All turns in one JSON file, whole or not at all. Raises OSError."""
    text = json.dumps(to_json(dialogue), ensure_ascii=False, indent=1)
    with replacing(path) as new:
        # A file name that is no text becomes the escape that JSON has for it.
        new.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def check_place(path: Path, what: str) -> Dialogue | None:
    """What would be written over: a dialogue, or nothing.

    Raises ConfigError where no file can be written at ``path``, or where one is that holds no dialogue.
    ``what`` is how the place was named ("--out").
    """
    check_file(path, what)
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return None
    try:
        return read(path)
    except InputError as problem:
        raise ConfigError(
            f"{what} {path} is there already and holds no dialogue", "name another file"
        ) from problem


def _brief(value: Any) -> str:
    return ("; ".join(value) if isinstance(value, list | tuple) else str(value)) or "–"
