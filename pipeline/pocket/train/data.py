"""Endless training batches: scenes by lot, painted at the size the models see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from .. import world
from ..paint import PAINTS, layout, paint
from ..world import Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS = 64
PATCH = 8
GRID = PIXELS // PATCH
NOTHING = -1


def patch_labels(scene: Scene, seed: int) -> NDArray[Any]:
    """(GRID², 4) category, colour, size and count − 1 of the object on each patch, else −1."""
    import numpy as np

    labels = np.full((GRID, GRID, 4), NOTHING, np.int8)
    rng = Random(seed)
    # The painter draws the backdrop first: let the layout see the same numbers.
    _spend_backdrop(scene, rng)
    centres = (np.arange(GRID) + 0.5) / GRID
    for place in layout(scene, rng):
        kind = scene.kinds[place.kind]
        near_x = np.abs(centres - place.x) < place.extent * 0.42
        near_y = np.abs(centres - place.y) < place.extent * 0.42
        labels[np.ix_(near_y, near_x)] = (
            world.CATEGORIES.index(kind.category),
            world.COLOURS.index(kind.colour),
            world.SIZES.index(kind.size),
            kind.count - 1,
        )
    return labels.reshape(-1, 4)


def _spend_backdrop(scene: Scene, rng: Random) -> None:
    from ..backdrops import backdrop

    backdrop(scene.setting, scene.time, rng)


def scene_labels(scene: Scene) -> tuple[int, int, int, int]:
    """Setting, time, style and layout (0 one kind, 1 left of, 2 above) as class numbers."""
    return (
        world.SETTINGS.index(scene.setting),
        world.TIMES.index(scene.time),
        world.STYLES.index(scene.style),
        1 + world.RELATIONS.index(scene.relation) if scene.relation else 0,
    )


def kind_labels(scene: Scene) -> NDArray[Any]:
    """(categories, colours + sizes + counts) which category has which attributes, as 0/1."""
    import numpy as np

    width = len(world.COLOURS) + len(world.SIZES) + world.MAX_COUNT
    table = np.zeros((len(world.CATEGORIES), width), np.uint8)
    for kind in scene.kinds:
        row = table[world.CATEGORIES.index(kind.category)]
        row[world.COLOURS.index(kind.colour)] = 1
        row[len(world.COLOURS) + world.SIZES.index(kind.size)] = 1
        row[len(world.COLOURS) + len(world.SIZES) + kind.count - 1] = 1
    return table


def pixels(scene: Scene, seed: int) -> NDArray[Any]:
    """(3, PIXELS, PIXELS) uint8; every fourth picture comes down from 128 px, as users' do."""
    import numpy as np
    from PIL import Image

    image = paint(scene, PIXELS if seed % 4 else PIXELS * 2, seed)
    if image.width != PIXELS:
        image = image.resize((PIXELS, PIXELS), Image.Resampling.BICUBIC)
    return np.asarray(image).transpose(2, 0, 1).copy()


def same_backdrop(rng: Random, count: int, *, two_kinds: float) -> list[Scene]:
    """Hard negatives: scenes that share setting, time and style and differ in their objects."""
    base = world.random_scene(rng, seen_only=True)
    scenes = []
    for _ in range(count):
        scene = world.random_scene(rng, seen_only=True, two_kinds=two_kinds)
        scenes.append(replace(scene, setting=base.setting, time=base.time, style=base.style))
    return scenes


def other_categories(rng: Random, count: int) -> list[Scene]:
    """Hard negatives: one scene over and over, its first kind each time of another category."""
    base = world.random_scene(rng, seen_only=True, two_kinds=0.2)
    first, *rest = base.kinds
    taken = {kind.category for kind in rest}
    free = [
        category
        for category in world.CATEGORIES
        if category not in taken and not world.is_unseen(category, first.colour)
    ]
    chosen = rng.sample(free, count)
    return [replace(base, kinds=(replace(first, category=c), *rest)) for c in chosen]


def odd_shades(scene: Scene, rng: Random) -> Scene:
    """The scene in shades without a name, so that shapes are learnt apart from colours.

    A shade is a mix of two colours; one that comes closest to a held-out colour of its category
    is drawn again, so that held-out pairs stay unseen.
    """
    kinds = tuple(replace(kind, colour=_odd_shade(kind.category, rng)) for kind in scene.kinds)
    return replace(scene, kinds=kinds)


def _odd_shade(category: str, rng: Random) -> str:
    while True:
        first, second = (PAINTS[name] for name in rng.sample(world.COLOURS, 2))
        share = rng.uniform(0.2, 0.8)
        mixed = [a + (b - a) * share for a, b in zip(first, second, strict=True)]
        nearest = min(PAINTS, key=lambda name: _distance(mixed, PAINTS[name]))
        if not world.is_unseen(category, nearest):
            return "#" + bytes(round(part) for part in mixed).hex()


def _distance(first: Sequence[float], second: Sequence[float]) -> float:
    return sum((a - b) ** 2 for a, b in zip(first, second, strict=True))


def random_stream(
    make_batch: Any, batch: int, seed: int, workers: int = 1, prefetch: int = 4
) -> Iterator[Any]:
    """Batches of ``make_batch(rng, batch)`` from worker processes, deterministic from ``seed``."""
    from torch.utils.data import DataLoader, IterableDataset

    class Stream(IterableDataset):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[Any]:
            rng = Random(seed)
            while True:
                yield make_batch(rng, batch)

    loader = DataLoader(
        Stream(), batch_size=None, num_workers=workers, prefetch_factor=prefetch if workers else None
    )
    return iter(loader)
