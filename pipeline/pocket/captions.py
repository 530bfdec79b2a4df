"""Scenes as English: the canonical dense caption, and short to dense paraphrases.

The canonical caption names everything in a fixed order. The captioner writes it, the reasoner
reads and rewrites it, and `parse` reads it back.
"""

from __future__ import annotations

import re
from random import Random

from . import world
from .world import Kind, Scene

NUMBERS = ("one", "two", "three")
PLACES = {
    "forest": "in a forest",
    "mountain": "on a snowy mountain",
    "beach": "at the beach",
    "city": "in the city",
    "desert": "in the desert",
    "room": "in a room",
}
HOURS = {"day": "by day", "night": "at night"}
STYLES = {"flat": "in flat colour", "sketch": "as a sketch"}
_PLURALS = {"fish": "fish"}
_SIZE_WORDS = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
PLACE_WORDS = {
    "forest": ("in a forest", "in the forest", "in the woods"),
    "mountain": ("on a snowy mountain", "in the mountains", "in the snow"),
    "beach": ("at the beach", "on a beach", "by the sea"),
    "city": ("in the city", "in a city", "on a city street"),
    "desert": ("in the desert", "in a desert", "among sand dunes"),
    "room": ("in a room", "in the room", "indoors"),
}
_HOUR_WORDS = {
    "day": ("by day", "in daylight", "during the day"),
    "night": ("at night", "by night", "in the dark"),
}
_STYLE_WORDS = {
    "flat": ("in flat colour", "as a flat drawing", "in full colour"),
    "sketch": ("as a sketch", "drawn in outline", "as an outline sketch"),
}


def plural(category: str, count: int = 2) -> str:
    """The noun for ``count`` things."""
    return category if count == 1 else _PLURALS.get(category, category + "s")


def kind_phrase(kind: Kind) -> str:
    """ "two small blue cats"."""
    return f"{NUMBERS[kind.count - 1]} {kind.size} {kind.colour} {plural(kind.category, kind.count)}"


def canonical(scene: Scene) -> str:
    """The dense caption in its fixed order."""
    objects = kind_phrase(scene.kinds[0])
    if len(scene.kinds) == 2:
        objects += f" {scene.relation} {kind_phrase(scene.kinds[1])}"
    return f"{objects} {PLACES[scene.setting]} {HOURS[scene.time]} {STYLES[scene.style]}"


_SINGULAR = {plural(category): category for category in world.CATEGORIES}
_SINGULAR |= {category: category for category in world.CATEGORIES}
_KIND = rf"({'|'.join(NUMBERS)}) ({'|'.join(world.SIZES)}) ({'|'.join(world.COLOURS)}) (\w+)"
_CANONICAL = re.compile(
    rf"^{_KIND}(?: ({'|'.join(world.RELATIONS)}) {_KIND})? ({'|'.join(PLACES.values())}) "
    rf"({'|'.join(HOURS.values())}) ({'|'.join(STYLES.values())})$"
)


def parse(caption: str) -> Scene | None:
    """The scene of a canonical caption, or None for any other text."""
    found = _CANONICAL.match(caption.strip())
    if found is None:
        return None
    groups = found.groups()
    kinds = [_kind(groups[0:4])] + ([_kind(groups[5:9])] if groups[4] else [])
    if any(kind is None for kind in kinds):
        return None
    return Scene(
        kinds=tuple(kind for kind in kinds if kind),
        relation=groups[4] or "",
        setting=_key(PLACES, groups[9]),
        time=_key(HOURS, groups[10]),
        style=_key(STYLES, groups[11]),
    )


def _kind(words: tuple[str | None, ...]) -> Kind | None:
    number, size, colour, noun = (word or "" for word in words)
    if noun not in _SINGULAR:
        return None
    return Kind(_SINGULAR[noun], colour, size, NUMBERS.index(number) + 1)


def _key(table: dict[str, str], value: str) -> str:
    return next(key for key, phrase in table.items() if phrase == value)


def paraphrase(scene: Scene, rng: Random, density: float | None = None) -> str:
    """A caption in other words; ``density`` 0 names one thing, 1 names everything."""
    density = rng.random() if density is None else density
    kinds = list(scene.kinds)
    swapped = len(kinds) == 2 and rng.random() < 0.3
    if swapped:
        kinds.reverse()
    if len(kinds) == 2 and rng.random() > density + 0.35:
        kinds = [rng.choice(kinds)]
    phrases = [_loose_kind(kind, rng, density) for kind in kinds]
    objects = phrases[0]
    if len(phrases) == 2:
        objects += f" {_joint(scene.relation, swapped, rng, density)} {phrases[1]}"
    rest = [
        rng.choice(words)
        for words, chance in (
            (PLACE_WORDS[scene.setting], density + 0.1),
            (_HOUR_WORDS[scene.time], density),
            (_STYLE_WORDS[scene.style], density),
        )
        if rng.random() < chance
    ]
    if rest and rng.random() < 0.15 * (1 - density):
        return " ".join(rest)
    opening = rng.choice(("", "", "", "", "a picture of ", "there is ", "a drawing of "))
    return opening + " ".join([objects, *rest])


def _loose_kind(kind: Kind, rng: Random, density: float) -> str:
    keep = density + 0.25
    words = []
    if kind.count > 1 or rng.random() < 0.5:
        exact = kind.count == 1 or rng.random() < keep
        words.append(NUMBERS[kind.count - 1] if exact else "several")
    else:
        words.append("a")
    if rng.random() < keep - 0.1:
        words.append(rng.choice(_SIZE_WORDS[kind.size]))
    if rng.random() < keep + 0.3:
        words.append(kind.colour)
    words.append(plural(kind.category, kind.count))
    if words[0] == "a" and words[1][0] in "aeiou":
        words[0] = "an"
    if words[0] in ("several", "a", "an") and rng.random() < 0.2:
        words.pop(0)
    return " ".join(words)


def _joint(relation: str, swapped: bool, rng: Random, density: float) -> str:
    if rng.random() > density + 0.2:
        return "and"
    if relation == "left of":
        return rng.choice(("right of", "to the right of") if swapped else ("left of", "to the left of"))
    return rng.choice(("below", "under") if swapped else ("above", "over"))


def some_texts(count: int, seed: int) -> list[str]:
    """Texts that people might ask for, by lot: one thing, a few words, everything in its order."""
    rng = Random(seed)
    scenes = [world.random_scene(rng) for _ in range(count)]
    return [canonical(scene) if rng.random() < 0.25 else paraphrase(scene, rng) for scene in scenes]
