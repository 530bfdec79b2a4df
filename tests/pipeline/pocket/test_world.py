"""The drawn world: what a scene may hold."""

from __future__ import annotations

from random import Random

import pytest

from likebut.pipeline.pocket import world
from likebut.pipeline.pocket.world import Kind, Scene


def test_one_pair_in_thirteen_is_held_out_of_training() -> None:
    pairs = [(c, h) for c in world.CATEGORIES for h in world.COLOURS]
    unseen = [pair for pair in pairs if world.is_unseen(*pair)]
    assert len(pairs) == 24 * 9
    assert len(unseen) == 17  # 216 / 13 = 16.6


def test_every_category_and_colour_is_trained_in_some_pair() -> None:
    for category in world.CATEGORIES:
        assert any(not world.is_unseen(category, colour) for colour in world.COLOURS)
    for colour in world.COLOURS:
        assert any(not world.is_unseen(category, colour) for category in world.CATEGORIES)


def test_seen_only_scenes_hold_no_unseen_pair() -> None:
    rng = Random(1)
    for _ in range(2000):
        for kind in world.random_scene(rng, seen_only=True).kinds:
            assert not world.is_unseen(kind.category, kind.colour)


def test_the_two_kinds_of_a_scene_differ_in_category() -> None:
    rng = Random(2)
    scenes = [world.random_scene(rng, two_kinds=1.0) for _ in range(500)]
    assert all(s.kinds[0].category != s.kinds[1].category for s in scenes)


@pytest.mark.parametrize("kinds", [0, 3])
def test_a_scene_of_no_or_three_kinds_is_refused(kinds: int) -> None:
    with pytest.raises(ValueError, match="one or two kinds"):
        Scene(tuple(Kind("apple", "red") for _ in range(kinds)))


def test_a_relation_needs_two_kinds() -> None:
    with pytest.raises(ValueError, match="relation"):
        Scene((Kind("apple", "red"),), relation="above")
    with pytest.raises(ValueError, match="relation"):
        Scene((Kind("apple", "red"), Kind("cat", "blue")))
