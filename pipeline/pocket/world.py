"""The drawn world as values: what a scene can hold, and how one is drawn by lot.

A scene has one or two kinds of objects (category, colour, size, count), a relation between two
kinds, a setting, a time and a style. One in thirteen (category, colour) pairs is never seen in
training (`is_unseen`), so that the models' cards can tell composition from memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

CATEGORIES = (
    "apple",
    "tree",
    "house",
    "car",
    "boat",
    "cat",
    "dog",
    "bird",
    "fish",
    "flower",
    "mug",
    "chair",
    "umbrella",
    "ball",
    "kite",
    "star",
    "moon",
    "book",
    "clock",
    "hat",
    "mushroom",
    "balloon",
    "candle",
    "guitar",
)
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "white")
SIZES = ("small", "large")
RELATIONS = ("left of", "above")
SETTINGS = ("forest", "mountain", "beach", "city", "desert", "room")
TIMES = ("day", "night")
STYLES = ("flat", "sketch")
MAX_COUNT = 3


@dataclass(frozen=True, order=True)
class Kind:
    """One kind of object: ``count`` equal things."""

    category: str
    colour: str
    size: str = "large"
    count: int = 1


@dataclass(frozen=True)
class Scene:
    """One picture of the world; with two kinds, the first is ``relation`` the second."""

    kinds: tuple[Kind, ...]
    setting: str = "forest"
    time: str = "day"
    style: str = "flat"
    relation: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.kinds) <= 2:
            raise ValueError(f"a scene has one or two kinds, not {len(self.kinds)}")
        if bool(self.relation) != (len(self.kinds) == 2):
            raise ValueError("two kinds stand in a relation, one kind does not")


def is_unseen(category: str, colour: str) -> bool:
    """Whether the pair is held out of all training."""
    return (CATEGORIES.index(category) * 5 + COLOURS.index(colour)) % 13 == 0


def random_kind(rng: Random, *, seen_only: bool = False, avoid: str = "") -> Kind:
    """One kind by lot, of another category than ``avoid``; ``seen_only`` for training."""
    while True:
        category, colour = rng.choice(CATEGORIES), rng.choice(COLOURS)
        if category != avoid and not (seen_only and is_unseen(category, colour)):
            return Kind(category, colour, rng.choice(SIZES), rng.randint(1, MAX_COUNT))


def random_scene(rng: Random, *, seen_only: bool = False, two_kinds: float = 0.4) -> Scene:
    """One scene by lot; ``two_kinds`` is the share of scenes with two kinds."""
    kinds = [random_kind(rng, seen_only=seen_only)]
    if rng.random() < two_kinds:
        kinds.append(random_kind(rng, seen_only=seen_only, avoid=kinds[0].category))
    return Scene(
        kinds=tuple(kinds),
        setting=rng.choice(SETTINGS),
        time=rng.choice(TIMES),
        style=rng.choice(STYLES),
        relation=rng.choice(RELATIONS) if len(kinds) == 2 else "",
    )
