"""Busy scenes: eight things on a picture, one of them small; what one vector of a picture overlooks.

A family is one set of seven things with another small thing on every picture of it. A query shows one
picture of a family and names the small thing of another: all else speaks for every picture of the
family alike. The asked thing covers less than a fiftieth of its picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ..errors import ConfigError
from . import captions, world
from .paint import Placement
from .plan import DrawnGallery, DrawnQuery
from .world import Kind

FAMILY = 10  # pictures
OTHERS = 7
SMALL = 0.13  # of the picture's side: 1.7 % of its area
USUAL = (0.17, 0.24)
_CELLS = [((column + 0.5) / 3, (row + 0.5) / 3) for row in range(3) for column in range(3)]


@dataclass(frozen=True, order=True)
class BusyScene:
    """Eight things of different categories; the first is the small one."""

    kinds: tuple[Kind, ...]
    setting: str
    time: str
    style: str


def arrange(scene: BusyScene, rng: Random) -> list[Placement]:
    """Where every thing stands: in a ninth of the picture of its own, a little off its middle."""
    places = []
    for number, (x, y) in enumerate(rng.sample(_CELLS, len(scene.kinds))):
        extent = SMALL if number == 0 else rng.uniform(*USUAL)
        room = (1 / 3 - extent) / 2
        x, y = x + rng.uniform(-room, room), y + rng.uniform(-room, room)
        places.append(Placement(number, x, y, extent, rng.uniform(-7, 7), rng.random() < 0.5))
    return places


def canonical(scene: BusyScene) -> str:
    """All things by name, the small one first."""
    things = ", ".join(captions.kind_phrase(kind) for kind in scene.kinds)
    return f"{things} {captions.PLACES[scene.setting]} {captions.HOURS[scene.time]}"


def plan_busy(count: int, seed: int, queries: int) -> DrawnGallery:
    """Decide what to draw. Raises ConfigError where the gallery cannot hold the queries."""
    families = count // FAMILY
    if families < 1 or queries > families * (FAMILY - 1):
        raise ConfigError(
            f"{count} busy pictures cannot hold {queries} queries",
            f"{FAMILY} pictures make a family, which {FAMILY - 1} queries can ask about",
        )
    rng = Random(f"likebut busy gallery {seed}")
    scenes = [scene for _ in range(families) for scene in _family(rng)]
    scenes += _family(rng)[: count - len(scenes)]
    drawn = []
    for number in range(queries):
        family, place = number % families, number // families + 1
        target = family * FAMILY + place
        kind = scenes[target].kinds[0]
        drawn.append(
            DrawnQuery(
                id=f"q{number:04d}",
                kind="small",
                reference=family * FAMILY,
                modification=f"with a {kind.colour} {kind.category}",
                targets=(target,),
                target_caption=canonical(scenes[target]),
            )
        )
    seeds = tuple(rng.getrandbits(31) for _ in scenes)
    return DrawnGallery(tuple(scenes), seeds, tuple(drawn))


def _family(rng: Random) -> list[BusyScene]:
    """Pictures with seven things, setting, time and style in common, and a small thing each."""
    categories = rng.sample(world.CATEGORIES, OTHERS)
    others = tuple(Kind(category, rng.choice(world.COLOURS)) for category in categories)
    rest = [category for category in world.CATEGORIES if category not in categories]
    own = rng.sample([(category, colour) for category in rest for colour in world.COLOURS], FAMILY)
    scene = (rng.choice(world.SETTINGS), rng.choice(world.TIMES), rng.choice(world.STYLES))
    return [BusyScene((Kind(category, colour, "small"), *others), *scene) for category, colour in own]
