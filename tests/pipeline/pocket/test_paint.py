"""The painter: deterministic, any size, everything on the canvas."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from likebut.pipeline.pocket import world
from likebut.pipeline.pocket.paint import layout, paint
from likebut.pipeline.pocket.shapes import SHAPES
from likebut.pipeline.pocket.world import Kind, Scene


def test_every_category_has_a_shape_with_its_own_colour_in_it() -> None:
    assert set(SHAPES) == set(world.CATEGORIES)
    assert all(any(fill == "body" for fill, _ in shape) for shape in SHAPES.values())


def test_the_same_seed_paints_the_same_pixels() -> None:
    scene = world.random_scene(Random(1))
    assert paint(scene, 64, 5).tobytes() == paint(scene, 64, 5).tobytes()
    assert paint(scene, 64, 5).tobytes() != paint(scene, 64, 6).tobytes()


def test_a_large_picture_shows_the_same_scene_as_a_small_one() -> None:
    rng = Random(2)
    for seed in range(20):
        scene = world.random_scene(rng)
        small = np.asarray(paint(scene, 64, seed), float)
        large = np.asarray(paint(scene, 512, seed).resize((64, 64), 4), float)
        assert np.abs(small - large).mean() < 9


@pytest.mark.parametrize("colour", [c for c in world.COLOURS if c not in ("white", "black")])
def test_an_object_is_painted_in_its_colour(colour: str) -> None:
    from likebut.pipeline.pocket.paint import PAINTS

    picture = np.asarray(paint(Scene((Kind("star", colour),)), 128, 3), int)
    near = np.abs(picture - np.array(PAINTS[colour])).sum(-1) < 12
    assert near.mean() > 0.05


def test_objects_stay_on_the_canvas() -> None:
    rng = Random(3)
    for _ in range(2000):
        scene = world.random_scene(rng)
        for place in layout(scene, rng):
            assert place.extent * 0.4 < place.x < 1 - place.extent * 0.4
            assert place.extent * 0.35 < place.y < 1 - place.extent * 0.35


def test_the_first_kind_stands_left_of_or_above_the_second() -> None:
    rng = Random(4)
    for _ in range(500):
        scene = world.random_scene(rng, two_kinds=1.0)
        axis = "x" if scene.relation == "left of" else "y"
        places = layout(scene, rng)
        first = [getattr(p, axis) for p in places if p.kind == 0]
        second = [getattr(p, axis) for p in places if p.kind == 1]
        assert max(first) < min(second)


def test_large_objects_are_larger_than_small_ones_whatever_their_count() -> None:
    for count in (1, 2, 3):
        sizes = {}
        for size in world.SIZES:
            scene = Scene((Kind("cat", "red", size, count),))
            sizes[size] = [p.extent for seed in range(50) for p in layout(scene, Random(seed))]
        assert max(sizes["small"]) < min(sizes["large"])


def test_day_night_and_sketch_look_unlike() -> None:
    kinds = (Kind("ball", "red"),)
    means = [
        np.asarray(paint(Scene(kinds, "beach", time, style), 64, 1), float).mean()
        for time in world.TIMES
        for style in world.STYLES
    ]
    assert min(abs(a - b) for i, a in enumerate(means) for b in means[i + 1 :]) > 5
