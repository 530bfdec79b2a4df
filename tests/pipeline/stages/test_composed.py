"""The grain `composed`: picture and sentence as one vector, of an encoder that can; worked out in RGB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Query
from tests.pipeline.colours import ColourEncoder, ComposingEncoder, colour_composer


def composer_of(tmp_path: Path, encoder: ColourEncoder, **weights: float) -> Any:
    recipe = load_recipe("mllm-composed").with_weights(weights)
    return colour_composer(tmp_path, recipe=recipe, encoder=encoder)


def test_a_picture_and_a_sentence_are_one_vector_and_no_model_is_asked(tmp_path: Path) -> None:
    composer = composer_of(tmp_path, ComposingEncoder())
    trace = composer.ask(Query("q", tmp_path / "gallery" / "red.png", "make it blue"), k=4)
    (grain,) = trace.grains
    assert (grain.name, grain.weight, grain.text) == ("composed", 1.0, "make it blue")
    np.testing.assert_allclose(grain.vector, np.array([1, 0, 2]) / 5**0.5, atol=1e-6)
    assert Path(trace.ranking.hits[0].path).stem == "blue"
    assert trace.ranking.hits[0].score == pytest.approx(2 / 5**0.5, abs=1e-3)
    assert not trace.exchanges


def test_a_hit_that_was_picked_is_composed_by_its_file(tmp_path: Path) -> None:
    composer = composer_of(tmp_path, ComposingEncoder())
    row = composer.index.row_of("green.png")
    (grain,) = composer.ask(Query("q", None, "make it red", row=row), k=1).grains
    np.testing.assert_allclose(grain.vector, np.array([2, 1, 0]) / 5**0.5, atol=1e-6)


def test_what_stands_alone_is_encoded_alone(tmp_path: Path) -> None:
    composer = composer_of(tmp_path, ComposingEncoder())
    (said,) = composer.ask(Query("q", None, "blue"), k=1).grains
    assert said.name == "composed"
    np.testing.assert_allclose(said.vector, [0, 0, 1], atol=1e-6)
    (seen,) = composer.ask(Query("q", tmp_path / "gallery" / "red.png"), k=1).grains
    assert seen.name == "reference"
    np.testing.assert_allclose(seen.vector, [1, 0, 0], atol=1e-6)


def test_it_can_be_weighed_beside_others(tmp_path: Path) -> None:
    composer = composer_of(tmp_path, ComposingEncoder(), reference=-0.5, modification=0.25)
    trace = composer.ask(Query("q", tmp_path / "gallery" / "red.png", "blue"), k=1)
    assert {grain.name: grain.weight for grain in trace.grains} == {
        "composed": 1.0,
        "reference": -0.5,
        "modification": 0.25,
    }


def test_a_pair_is_encoded_once_and_kept_by_content(tmp_path: Path) -> None:
    encoder = ComposingEncoder()
    composer = composer_of(tmp_path, encoder)
    red, green = (tmp_path / "gallery" / f"{name}.png" for name in ("red", "green"))
    queries = [
        Query(str(n), path, said)
        for n, (path, said) in enumerate([(red, "blue"), (red, "blue"), (green, "blue")])
    ]
    first = composer.compose(queries, 1)
    assert encoder.composed == ["blue", "blue"]
    again = composer.compose(queries, 1)
    assert encoder.composed == ["blue", "blue"]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.grains[0].vector, other.grains[0].vector)


def test_a_tower_without_composed_vectors_says_so_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in one vector, and colours has none") as caught:
        composer_of(tmp_path, ColourEncoder())
    assert 'encoder = "mllm"' in caught.value.hint
    assert caught.value.exit_code == 2
