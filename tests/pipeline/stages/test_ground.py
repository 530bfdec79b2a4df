"""Grounding: which grains a query has, and what each weighs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.recipe import Recipe
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.records.trace import Description, Grain, Intent, Query, Trace
from likebut.pipeline.stages.ground import Seen, ground
from tests.pipeline.colours import ColourEncoder

INTENT = Intent("blue", elements={"desired": ("blue", "green"), "forbidden": ("red", "red")})


@pytest.fixture
def encoder(tmp_path: Path) -> CachedEncoder:
    spec = EncoderSpec("given", "colours")
    return CachedEncoder(spec, Cache(tmp_path / "c.sqlite"), encoder=ColourEncoder())


UNDERSTOOD = Trace(Query("q", Path("red.png"), "make it blue"), intent=INTENT)
Mixes = dict[str, dict[str, float]]


def recipe(weights: dict[str, float], mixes: Mixes | None = None) -> Recipe:
    """A recipe of these grains alone."""
    changes = {"grains": weights, "mixes": mixes or {}, "caption_grains": {}}
    return load_recipe("text-only").model_copy(update=changes)


def grains(encoder: CachedEncoder, trace: Trace, picture: Any = None, **weights: float) -> list[Grain]:
    return ground([trace], recipe(weights), encoder, [Seen(picture)])[0][0]


def test_a_list_role_shares_its_weight_among_its_elements(encoder: CachedEncoder) -> None:
    found = grains(encoder, UNDERSTOOD, desired=0.6)
    assert [(g.name, g.weight) for g in found] == [("desired:blue", 0.3), ("desired:green", 0.3)]


def test_an_element_that_is_named_twice_counts_once(encoder: CachedEncoder) -> None:
    assert [g.weight for g in grains(encoder, UNDERSTOOD, forbidden=-0.5)] == [-0.5]


def test_an_empty_piece_and_a_zero_weight_make_no_grain(encoder: CachedEncoder) -> None:
    pieces = replace(UNDERSTOOD, query=Query("q", Path("red.png"), ""))
    assert grains(encoder, pieces, preserved=1.0, modification=1.0, target_caption=0.0) == []


def test_the_reference_is_a_grain_of_pixels(encoder: CachedEncoder) -> None:
    vector = np.array([1, 0, 0], np.float32)
    (grain,) = grains(encoder, UNDERSTOOD, vector, reference=0.2)
    assert (grain.name, grain.text, grain.weight) == ("reference", "", 0.2)
    assert grains(encoder, UNDERSTOOD, reference=0.2) == []


def test_the_first_caption_is_one_grain_and_all_captions_share_a_weight(encoder: CachedEncoder) -> None:
    pieces = replace(UNDERSTOOD, description=Description(("red", "green", "red")))
    assert [(g.name, g.weight) for g in grains(encoder, pieces, caption=1.0)] == [("caption", 1.0)]
    found = grains(encoder, pieces, captions=0.9)
    assert [(g.name, round(g.weight, 6)) for g in found] == [
        ("captions:1", 0.3),
        ("captions:2", 0.3),
        ("captions:3", 0.3),
    ]


def test_include_and_exclude_are_one_text_each(encoder: CachedEncoder) -> None:
    found = grains(encoder, UNDERSTOOD, include=1.0, exclude=1.0)
    assert [(g.role, g.text) for g in found] == [("include", "blue and green"), ("exclude", "red")]


def test_without_rewrites_the_target_caption_stands_in(encoder: CachedEncoder) -> None:
    assert [g.text for g in grains(encoder, UNDERSTOOD, rewrites=1.0)] == ["blue"]


def test_a_template_says_the_texts_of_a_role_in_its_own_words(encoder: CachedEncoder) -> None:
    pieces = replace(UNDERSTOOD, description=Description(("red", "green")))
    weights = {"a blue {caption}": 0.5, "a {captions} thing": -0.5, "{preserved}, drawn": 1.0}
    one, mean = grains(encoder, pieces, **weights)
    assert (one.name, one.role, one.weight, one.text) == (
        "a blue {caption}",
        "a blue {caption}",
        0.5,
        "a blue red",
    )
    # red and blue, at length 1; then red and green, each its own unit vector, and their mean
    assert one.vector.tolist() == pytest.approx([0.5**0.5, 0, 0.5**0.5])
    assert mean.vector.tolist() == pytest.approx([0.5**0.5, 0.5**0.5, 0])
    assert (mean.weight, mean.text) == (-0.5, "a red thing")


def test_the_direction_of_two_templates_is_added_to_the_reference(encoder: CachedEncoder) -> None:
    """red + (green − red): what the caption's own words share falls out."""
    pieces = replace(UNDERSTOOD, description=Description(("thing",)))
    weights = {"reference": 1.0, "green {caption}": 1.0, "red {caption}": -1.0}
    found = grains(encoder, pieces, np.array([1, 0, 0], np.float32), **weights)
    assert sum(g.weight * g.vector for g in found).tolist() == pytest.approx([0, 1, 0])


def test_a_mix_is_one_unit_vector_worked_out_by_hand(encoder: CachedEncoder) -> None:
    mixed = recipe({"both": -2.0}, {"both": {"target_caption": 0.8, "reference": 0.6}})
    picture = np.array([1, 0, 0], np.float32)
    (grain,) = ground([UNDERSTOOD], mixed, encoder, [Seen(picture)])[0][0]
    assert (grain.name, grain.weight) == ("both", -2.0)
    assert grain.vector.tolist() == pytest.approx([0.6, 0.0, 0.8])  # 0.8² + 0.6² = 1


def test_a_mix_of_nothing_is_no_grain(encoder: CachedEncoder) -> None:
    mixed = recipe({"both": 1.0}, {"both": {"reference": 1.0, "preserved": 1.0}})
    assert ground([UNDERSTOOD], mixed, encoder, [Seen()])[0][0] == []


def test_grains_are_unit_vectors_of_their_texts(encoder: CachedEncoder) -> None:
    (grain,) = grains(encoder, UNDERSTOOD, target_caption=1.0)
    assert grain.vector.tolist() == [0.0, 0.0, 1.0]


def test_two_wordings_of_a_sentence_are_one_grain_of_their_mean(encoder: CachedEncoder) -> None:
    said = Query("q", Path("red.png"), "red", wordings=("blue",))
    (grain,) = grains(encoder, replace(UNDERSTOOD, query=said), modification=1.5)
    assert (grain.name, grain.weight, grain.text) == ("modification", 1.5, "red")
    assert grain.vector.tolist() == pytest.approx([0.5**0.5, 0, 0.5**0.5])
    told = replace(UNDERSTOOD, query=said, description=Description(("green thing",)))
    (grain,) = grains(encoder, told, concatenation=1.0)
    # (green + red and green + blue), each at length 1: (1, 1, 0) + (0, 1, 1) over their length
    assert grain.vector.tolist() == pytest.approx([1 / 6**0.5, 2 / 6**0.5, 1 / 6**0.5])
