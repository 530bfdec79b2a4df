"""Plan a gallery with composed queries: which scenes it holds, and which pictures answer what.

A gallery is made of families and of scenes by lot. A family is a reference, the targets of a few
queries about it, and variants: other edits of the same reference, which look like it and answer
nothing. So a picture like the reference is not yet an answer, as in CIRR's sets of like pictures.
The targets of a query are *all* pictures whose scene is the edited scene, wherever they came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import cycle
from random import Random
from typing import Any

from ..errors import ConfigError
from . import captions, edits, world
from .edits import Edit
from .world import Scene

FAMILY = 20  # pictures, where the gallery has the room
SINGLE_KINDS = tuple(edits.MAKERS)
COMBINED_KINDS = (
    "colour+setting",
    "category+time",
    "count+style",
    "size+colour",
    "add+time",
    "remove+setting",
    "setting+style",
    "category+colour",
    "colour+count",
    "position+time",
)
_TRIES = 20


@dataclass(frozen=True)
class DrawnQuery:
    """A composed query, what was said before it, and the numbers of the pictures that answer it."""

    id: str
    kind: str
    reference: int
    modification: str
    targets: tuple[int, ...]
    target_caption: str
    history: tuple[str, ...] = ()


@dataclass(frozen=True)
class DrawnGallery:
    """Scenes (`Scene`, or busy ones) with their drawing seeds, and the queries about them."""

    scenes: tuple[Any, ...]
    seeds: tuple[int, ...]
    queries: tuple[DrawnQuery, ...]


@dataclass
class _Family:
    """A reference, the edits that are asked of it, and the places of its pictures."""

    reference: Scene
    edits: list[Edit] = field(default_factory=list)
    place: int = 0
    size: int = 0


def query_kinds(count: int) -> list[str]:
    """The kind of every query: all single kinds in turn, every third query a combined one."""
    kinds: list[str] = []
    single = combined = 0
    for number in range(count):
        if number % 3 == 2 and number > 5:
            kinds.append(COMBINED_KINDS[combined % len(COMBINED_KINDS)])
            combined += 1
        else:
            kinds.append(SINGLE_KINDS[single % len(SINGLE_KINDS)])
            single += 1
    return kinds


def plan_gallery(count: int, seed: int, queries: int = 0, kinds: list[str] | None = None) -> DrawnGallery:
    """Decide what to draw. Raises ConfigError where the gallery cannot hold the queries."""
    if count < 1 or queries < 0:
        raise ConfigError("a gallery has at least one picture, and no negative number of queries")
    if queries * 4 > count:
        raise ConfigError(
            f"{count} pictures cannot hold {queries} queries with their targets",
            f"use --count {queries * 4} or more, or fewer --queries",
        )
    rng = Random(f"likebut gallery {seed}")
    asked = kinds or query_kinds(queries)
    families, order = _families(asked, min(len(asked), max(1, count // FAMILY)), rng)
    scenes = _scenes(families, count, rng)
    place = list(range(count))
    rng.shuffle(place)
    shuffled = dict(zip(place, scenes, strict=True))
    where: dict[Scene, list[int]] = {}
    for number in range(count):
        where.setdefault(shuffled[number], []).append(number)
    drawn = [
        DrawnQuery(
            id=f"q{number:04d}",
            kind=edit.kind,
            reference=place[family.place],
            modification=edit.sentence,
            targets=tuple(where[edit.after]),
            target_caption=captions.canonical(edit.after),
        )
        for number, (family, edit) in enumerate(order)
    ]
    seeds = tuple(rng.getrandbits(31) for _ in range(count))
    return DrawnGallery(tuple(shuffled[number] for number in range(count)), seeds, tuple(drawn))


def _families(
    kinds: list[str], count: int, rng: Random
) -> tuple[list[_Family], list[tuple[_Family, Edit]]]:
    """``count`` families or a few more, and the family and edit of every query."""
    families = [_Family(world.random_scene(rng, two_kinds=n % 2)) for n in range(count)]
    order = [_deal(families, kind, rng) for kind in kinds]
    return families, order


def _deal(families: list[_Family], kind: str, rng: Random) -> tuple[_Family, Edit]:
    """A query of the kind for the least asked family that allows it, or for a new one."""
    for family in sorted(families, key=lambda one: len(one.edits)):
        if edit := _edit(family.reference, kind, rng):
            family.edits.append(edit)
            return family, edit
    while not (edit := _edit(scene := world.random_scene(rng), kind, rng)):
        pass
    families.append(_Family(scene, [edit]))
    return families[-1], edit


def _edit(scene: Scene, kind: str, rng: Random) -> Edit | None:
    """An edit of the kind that changes the scene; None where the scene does not allow it."""
    for _ in range(_TRIES):
        edit = edits.make_edit(scene, kind, rng)
        if edit is not None and edit.after != edit.before:
            return edit
    return None


def _scenes(families: list[_Family], count: int, rng: Random) -> list[Scene]:
    """All scenes: references and targets first, then variants while there is room, then by lot."""
    scenes: list[Scene] = []
    for family in families:
        family.place = len(scenes)
        scenes.append(family.reference)
        for edit in family.edits:
            scenes += [edit.after] * rng.randint(1, 2)
        family.size = len(scenes) - family.place
    for family in cycle(families):
        if len(scenes) >= count or all(one.size >= FAMILY for one in families):
            break
        if family.size < FAMILY:
            scenes.append(_variant(family.reference, rng))
            family.size += 1
    while len(scenes) < count:
        scenes.append(world.random_scene(rng))
    return scenes


def _variant(reference: Scene, rng: Random) -> Scene:
    while True:
        scene = edits.random_edit(reference, rng).after
        if scene != reference:
            return scene
