"""The edit grammar: a scene, a change, and the many sentences that ask for it.

An `Edit` holds the scene before and after and the sentence; `intent_of` says what a careful
reader would keep, want and forbid. `MAKERS` names the single changes; a combined edit is two of
different kinds, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from . import captions, changes, scene_changes
from .captions import HOURS, NUMBERS, PLACES, STYLES, kind_phrase, plural
from .changes import Change
from .world import Scene


@dataclass(frozen=True)
class Edit:
    """One composed query about a drawn scene."""

    kind: str
    before: Scene
    after: Scene
    sentence: str
    reasoning: str


@dataclass(frozen=True)
class DrawnIntent:
    """The right answer of the reason stage for an edit."""

    reasoning: str
    target_caption: str
    desired: tuple[str, ...]
    preserved: tuple[str, ...]
    forbidden: tuple[str, ...]


MAKERS: dict[str, Callable[[Scene, Random, bool], Change | None]] = {
    "colour": changes.change_colour,
    "category": changes.change_category,
    "count": changes.change_count,
    "size": changes.change_size,
    "position": changes.change_position,
    "setting": scene_changes.change_setting,
    "time": scene_changes.change_time,
    "style": scene_changes.change_style,
    "add": changes.add_kind,
    "remove": changes.remove_kind,
}
_PART_OF_OBJECTS = ("category", "add", "remove", "position")
_JOINTS = (" and ", ", and ", ", ", " and also ", ", then ")


def make_edit(scene: Scene, kind: str, rng: Random, *, seen_only: bool = False) -> Edit | None:
    """An edit of the kind, "a+b" for a combined one; None where the scene does not allow it."""
    after, sentences, reasons = scene, [], []
    for part in kind.split("+"):
        change = MAKERS[part](after, rng, seen_only)
        if change is None:
            return None
        after, sentence, reason = change
        sentences.append(sentence)
        reasons.append(reason)
    return Edit(kind, scene, after, _joined(sentences, rng), "; ".join(reasons))


def _joined(sentences: list[str], rng: Random) -> str:
    if len(sentences) > 1 and sentences[1].startswith(("and ", "but ")):
        sentences[1] = sentences[1].split(" ", 1)[1]
    return rng.choice(_JOINTS).join(sentences)


def random_edit(scene: Scene, rng: Random, *, combined: float = 0.35, seen_only: bool = False) -> Edit:
    """An edit by lot; ``combined`` is the share of two changes at once."""
    while True:
        kind = rng.choice(list(MAKERS))
        if rng.random() < combined:
            second = rng.choice([k for k in MAKERS if k not in _PART_OF_OBJECTS and k != kind])
            kind = f"{kind}+{second}"
        edit = make_edit(scene, kind, rng, seen_only=seen_only)
        if edit is not None:
            return edit


_STEPS = ("one more", " fewer", "take away one")


def holding(edit: Edit) -> Edit | None:
    """The same sentence about the scene that it leads to: it holds already, and nothing changes.

    None where the sentence counts a step ("one more cat"), which leads on from there. "Larger" of
    what is large holds: the drawn world has no third size.
    """
    if any(step in edit.sentence for step in _STEPS):
        return None
    return replace(edit, before=edit.after, reasoning=_already(edit.reasoning))


def _already(reasoning: str) -> str:
    """ "time day becomes night" said of a night picture: "time night already"."""
    return "; ".join(_part_already(part) for part in reasoning.split("; "))


def _part_already(part: str) -> str:
    what, becomes, value = part.partition(" becomes ")
    if becomes:
        return " ".join([*what.split(" ")[:-1], value, "already"])
    verb, rest = part.split(" ", 1)
    if verb == "remove":
        return f"no {rest} already"
    return f"{rest.partition(' with ')[0]} already"  # "now … left of …" and "add … with …"


def half_holding(scene: Scene, rng: Random, *, held: Edit, seen_only: bool = False) -> Edit | None:
    """Two changes of ``scene`` in one sentence, of which ``held`` holds already; either first."""
    kind = rng.choice([k for k in MAKERS if k not in _PART_OF_OBJECTS and k != held.kind])
    change = make_edit(scene, kind, rng, seen_only=seen_only)
    if change is None:
        return None
    parts = [held, change]
    rng.shuffle(parts)
    return Edit(
        f"{parts[0].kind}+{parts[1].kind}",
        scene,
        change.after,
        _joined([part.sentence for part in parts], rng),
        "; ".join(part.reasoning for part in parts),
    )


def intent_of(edit: Edit) -> DrawnIntent:
    """What is new, what stays and what must go, from the scenes before and after."""
    before, after = edit.before, edit.after
    desired = [kind_phrase(kind) for kind in after.kinds if kind not in before.kinds]
    preserved = [kind_phrase(kind) for kind in after.kinds if kind in before.kinds]
    forbidden = [kind_phrase(kind) for kind in before.kinds if kind not in after.kinds]
    for field, phrases in (("setting", PLACES), ("time", HOURS), ("style", STYLES)):
        old, new = phrases[getattr(before, field)], phrases[getattr(after, field)]
        if old == new:
            preserved.append(new)
        else:
            desired.append(new)
            forbidden.append(old)
    return DrawnIntent(
        reasoning=f"picture: {_listed(before)}; {edit.reasoning}; target: {_listed(after)}",
        target_caption=captions.canonical(after),
        desired=tuple(desired),
        preserved=tuple(preserved),
        forbidden=tuple(forbidden),
    )


def _listed(scene: Scene) -> str:
    """ "cats two small blue, mug one large red": named before described, so that each attribute
    is looked up by its noun. This is what makes the steps worth writing down."""
    return ", ".join(
        f"{plural(kind.category, kind.count)} {NUMBERS[kind.count - 1]} {kind.size} {kind.colour}"
        for kind in scene.kinds
    )
