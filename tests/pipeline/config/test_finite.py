"""Weights are finite and bounded, wherever they are written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.cli.options import read_weights
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.finite import LARGEST, finite
from likebut.pipeline.config.parts import Fusion
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Query
from tests.pipeline.colours import ColourEncoder, colour_composer

ODD = ("nan", "inf", "-inf", "1e308", "-1e7")
PLACES = (
    "[grains]\nreference = {}",
    "[grains]\nreference = 1.0\n[caption_grains]\nmodification = {}",
    "[mixes.both]\nreference = {}\n[grains]\nboth = 1.0",
    '[grains]\nreference = 1.0\n[fusion]\nfamily = "harris"\nnumbers = {{ edge = {} }}',
    "[grains]\nreference = 1.0\n[variants.a.grains]\nreference = {}",
    "[grains]\nreference = 1.0\n[variants.a.mixes.b]\nreference = {}",
    "[grains]\nreference = 1.0\n[variants.a.numbers]\nedge = {}",
)


@given(st.floats(-LARGEST, LARGEST))
def test_every_bounded_number_is_read_as_it_is_written(number: float) -> None:
    assert finite(repr(number)) == number


@given(st.floats().filter(lambda number: not abs(number) <= LARGEST))
def test_no_other_number_is_read(number: float) -> None:
    with pytest.raises(ValueError, match="not between"):
        finite(repr(number))


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("place", PLACES)
def test_a_recipe_holds_bounded_numbers_only(place: str, text: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('description = "x"\n' + place.format("0.25"))
    load_recipe(str(mine))
    mine.write_text('description = "x"\n' + place.format(text))
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        load_recipe(str(mine))


@pytest.mark.parametrize("text", [*ODD, "", "much", "0x1"])
def test_the_command_line_takes_bounded_numbers_only(text: str) -> None:
    assert read_weights(["reference=0.25"]) == {"reference": 0.25}
    with pytest.raises(ConfigError, match="not grain=number"):
        read_weights([f"reference={text}"])


def test_numbers_of_a_family_that_spoil_its_scores_are_an_error(tmp_path: Path) -> None:
    recipe = load_recipe("ldre")
    numbers = {**recipe.fusion.numbers, "temperature": 0.0}
    fusion = Fusion(family=recipe.fusion.family, numbers=numbers)
    composer = colour_composer(tmp_path, recipe=recipe.model_copy(update={"fusion": fusion}))
    with pytest.raises(ConfigError, match=r"divergence.*not finite"):
        composer.compose([Query("q", tmp_path / "gallery" / "red.png", "make it blue")])


class Broken(ColourEncoder):
    """Says nothing of one sentence."""

    def encode_texts(self, texts: Any) -> Any:
        vectors = super().encode_texts(texts)
        vectors[[text == "make it NaN" for text in texts]] = math.nan
        return vectors


def test_a_vector_that_is_not_finite_is_an_error_of_its_query_alone(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("text-only"), encoder=Broken())
    broken, whole = composer.compose([Query("a", None, "make it NaN"), Query("b", None, "blue")])
    assert "no finite vector for modification" in broken.error
    assert not broken.ranking.hits
    assert (whole.error, len(whole.ranking.hits)) == ("", 4)
