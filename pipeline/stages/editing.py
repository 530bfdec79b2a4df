"""An understood query that a person changes and runs on from there: text to edit, moves.

What was understood (captions and intent) is written as a small TOML text, read back strictly, and
made the start of a trace that runs on from there. A changed intent is used as it stands, without the
reasoner; where captions alone were changed, the reasoner is asked about them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..config.recipe import Recipe
from ..errors import ConfigError, did_you_mean
from ..records.roles import ELEMENTS, role_of
from ..records.trace import Description, Grain, Query, Ranking, Trace

_COMMENTS = {
    "caption": "What the reference shows. Changed alone, the reasoner is asked again about it.",
    "target_caption": "What the wanted picture shows.",
    "desired": "What is new in it.",
    "preserved": "What both pictures share.",
    "forbidden": "What it must not show.",
}
# Without one, what is left of the grains would stand on another scale.
EMPTY_TARGET = "target_caption is empty"
EMPTY_HINT = "say what the picture shows, or leave its grain out: --weight target_caption=0"


@dataclass(frozen=True)
class Understood:
    """What can be changed of a query; of the ``elements``, every list by its name, empty ones, too."""

    caption: str
    target_caption: str
    elements: Mapping[str, tuple[str, ...]]

    @staticmethod
    def of(trace: Trace, lists: Sequence[str] = ELEMENTS) -> Understood:
        """What the stages up to reason made of a query; with ``lists`` that its replies may hold."""
        intent = trace.intent
        names = dict.fromkeys((*lists, *intent.elements))
        elements = {name: intent.of(name) for name in names}
        return Understood(trace.description.caption, intent.target_caption, elements)

    @property
    def fields(self) -> dict[str, Any]:
        """A text or a tuple of texts by name."""
        return {"caption": self.caption, "target_caption": self.target_caption, **self.elements}

    def changed(self, values: Mapping[str, Any]) -> Understood:
        """With other values. Raises ConfigError for a field that there is not, or a wrong kind."""
        fields, lists = self.fields, self.elements
        for name, value in values.items():
            if name not in fields:
                raise ConfigError(f"no field {name!r}", did_you_mean(name, list(fields)))
            wanted = "a list of texts" if name in lists else "a text"
            texts = value if name in lists else [value]
            if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
                raise ConfigError(f"{name} must be {wanted}")
        read = {
            name: tuple(filter(None, map(_flat, value))) if name in lists else _flat(value)
            for name, value in values.items()
        }
        if self.target_caption and not read.get("target_caption", self.target_caption):
            raise ConfigError(EMPTY_TARGET, EMPTY_HINT)
        said = {**fields, **read}
        return Understood(said.pop("caption"), said.pop("target_caption"), said)


def to_text(understood: Understood, about: Sequence[str] = ()) -> str:
    """A TOML text with a comment on every field; ``about`` are lines on top."""
    lines = [f"# {line}" for line in (*about, "Change what should be otherwise, save, and close.")]
    for name, value in understood.fields.items():
        about_it = _COMMENTS.get(name, "A list of the prompt.")
        lines += ["", f"# {about_it}", f"{_key(name)} = {_toml(value)}"]
    return "\n".join(lines) + "\n"


def read_text(text: str, before: Understood) -> Understood:
    """What an edited text says. Raises ConfigError naming the line or the field that is at fault."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"the text is not valid TOML: {problem}") from problem
    after = before.changed(values)
    for name in before.fields:
        if name not in values:
            empty = "[]" if name in before.elements else '""'
            raise ConfigError(f"{name} is gone", f"to leave it empty write {name} = {empty}")
    return after


def resumed(trace: Trace, after: Understood) -> Trace:
    """A trace of the same query that runs on from ``after``, instead of what ``trace`` understood.

    Several captions, rewrites and samples stay as they were unless the main one of them was changed:
    then it stands for all. Without a change it repeats the query without a model.
    """
    before = Understood.of(trace, list(after.elements))
    description, intent = trace.description, trace.intent
    if after.caption != before.caption:
        description = Description((after.caption,) if after.caption else ())
    fresh = Trace(trace.query, description=replace(description, problem=""), scope=trace.scope)
    if after.caption != before.caption and replace(after, caption=before.caption) == before:
        return fresh
    same = after.target_caption == before.target_caption
    changed = replace(
        intent,
        target_caption=after.target_caption,
        elements={name: texts for name, texts in after.elements.items() if texts},
        rewrites=intent.rewrites if same else (),
        samples=intent.samples if same else (),
        fallback=intent.fallback if after == before else "",
    )
    return replace(fresh, intent=changed)


def resumed_now(recipe: Recipe, query: Query, given: Mapping[str, Any]) -> Trace | None:
    """The query with values that say all the recipe needs; None where models are asked first.

    A caption alone is all that describe needs, and the reasoner is asked about it.
    """
    nothing = Understood("", "", dict.fromkeys(recipe.elements, ()))
    reads = {"captions": "caption"}
    parts = {role_of(role).reads for role in recipe.roles}
    needed = {reads.get(part, part) for part in parts} & set(nothing.fields)
    if set(given) != {"caption"} and not needed <= set(given):
        return None
    return resumed(Trace(query), nothing.changed(given))


def resumed_with(
    recipe: Recipe, query: Query, given: Mapping[str, Any], understand: Callable[[Query], Trace]
) -> Trace:
    """The query running on from what is understood of it, changed by ``given``.

    It is understood, which may ask models, where what is needed is not given. A query that cannot
    be has its error. Raises ConfigError as `Understood.changed` does.
    """
    now = resumed_now(recipe, query, given)
    if now is not None:
        return now
    before = understand(query)
    if before.error:
        return before
    return resumed(before, Understood.of(before, recipe.elements).changed(given))


def reweighed(trace: Trace, weights: Mapping[str, float]) -> Trace:
    """A grounded trace with other weights of single grains; those that it has not are passed over."""

    def weighed(grain: Grain) -> Grain:
        return replace(grain, weight=weights.get(grain.name, grain.weight))

    return replace(trace, grains=tuple(map(weighed, trace.grains)))


@dataclass(frozen=True)
class Move:
    """One picture before and after a change; a rank is None where it was not found."""

    path: str
    before: int | None
    after: int | None

    @property
    def words(self) -> str:
        """ "+3" is three places up; "new" and "gone" are from beyond all that was ranked."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        return f"{self.before - self.after:+d}" if self.before != self.after else "="


def moves(before: Ranking, after: Ranking, k: int) -> list[Move]:
    """The ``k`` best pictures after a change, then those that were among them and fell out."""
    old = {hit.id: hit for hit in before.hits}
    new = {hit.id: hit for hit in after.hits}
    shown = [hit for hit in after.hits if hit.rank <= k]
    fallen = [hit for hit in before.hits if hit.rank <= k and _rank(new, hit.id, k + 1) > k]
    return [
        Move(hit.path or hit.id, *(ranks[hit.id].rank if hit.id in ranks else None for ranks in (old, new)))
        for hit in (*shown, *fallen)
    ]


def _rank(hits: Mapping[str, Any], ident: str, otherwise: int) -> int:
    return int(hits[ident].rank) if ident in hits else otherwise


def differences(before: Understood, after: Understood) -> Iterator[tuple[str, str, str]]:
    """(field, before, after) of what was changed."""
    for name, old in before.fields.items():
        new = after.fields.get(name, ())
        if new != old:
            yield name, _words(old), _words(new)


def _words(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else "; ".join(value)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _key(name: str) -> str:
    """A TOML key, in quotes where it is no bare one."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: str | Sequence[str]) -> str:
    """A TOML value: its texts are those of JSON, but for one control character."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if not value:
        return "[]"
    return "[\n" + "".join(f"    {_toml(text)},\n" for text in value) + "]"
