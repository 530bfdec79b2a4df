"""Captions: canonical ones are read back exactly, loose ones stay true."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.pocket import captions, world
from likebut.pipeline.pocket.world import Kind, Scene

SCENE = Scene(
    (Kind("cat", "blue", "small", 2), Kind("apple", "red", "large", 1)),
    "beach",
    "night",
    "sketch",
    "left of",
)


def test_the_canonical_caption_names_everything_in_order() -> None:
    assert captions.canonical(SCENE) == (
        "two small blue cats left of one large red apple at the beach at night as a sketch"
    )


@given(st.integers(0, 2**32))
def test_parse_reads_any_canonical_caption_back(seed: int) -> None:
    scene = world.random_scene(Random(seed))
    assert captions.parse(captions.canonical(scene)) == scene


def test_parse_says_none_for_other_text() -> None:
    assert captions.parse("a photograph of my aunt") is None
    assert captions.parse("one large red zebra in a forest by day in flat colour") is None


def test_a_full_paraphrase_names_every_object_and_its_colour() -> None:
    rng = Random(3)
    for _ in range(300):
        scene = world.random_scene(rng)
        text = captions.paraphrase(scene, rng, density=1.0)
        for kind in scene.kinds:
            assert kind.colour in text
            assert captions.plural(kind.category, kind.count) in text


def test_paraphrases_run_from_short_to_dense() -> None:
    rng = Random(4)
    short = [len(captions.paraphrase(SCENE, rng, 0.0).split()) for _ in range(300)]
    dense = [len(captions.paraphrase(SCENE, rng, 1.0).split()) for _ in range(300)]
    assert min(short) <= 2
    assert sum(dense) > 2 * sum(short)


def test_fish_has_no_plural_s() -> None:
    assert captions.plural("fish", 3) == "fish"
    assert captions.plural("cat", 3) == "cats"
    assert captions.plural("cat", 1) == "cat"
