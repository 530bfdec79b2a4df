"""Attributes held to their things, worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.records.trace import Grain, Query
from likebut.pipeline.scoring import binding
from likebut.pipeline.scoring.contract import Candidates
from tests.pipeline.colours import colour_composer
from tests.pipeline.scoring.bare import Bare

X, Y, D = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]


def asked(*grains: tuple[str, float, list[float]]) -> Candidates:
    found = [
        Grain(f"{role}:{n}", role, weight, np.array(vector, np.float32))
        for n, (role, weight, vector) in enumerate(grains)
    ]
    return Candidates(found, Bare([np.array([X, Y, D], np.float16)]))  # type: ignore[arg-type]


def total(asked: Candidates, margin: float) -> list[float]:
    return [float(value) for value in sum(binding.score(asked, {"margin": margin}).values())]  # type: ignore[arg-type]


def test_a_picture_pays_where_the_exchanged_caption_fits_as_well() -> None:
    query = asked(("target_caption", 1.0, X), ("swapped", -0.5, Y))
    # x: 1 − 0.5·max(0, 0 − 1 + 0.1); y: 0 − 0.5·(1 − 0 + 0.1); (0.6, 0.8): 0.6 − 0.5·(0.8 − 0.6 + 0.1)
    assert total(query, 0.1) == pytest.approx([1.0, -0.55, 0.45], abs=1e-3)
    assert total(query, -0.5) == pytest.approx([1.0, -0.25, 0.6], abs=1e-3)


def test_of_several_exchanged_captions_the_one_that_fits_most_counts_with_the_whole_weight() -> None:
    query = asked(("target_caption", 1.0, X), ("swapped", -0.25, Y), ("swapped", -0.25, X))
    # the largest of cos y and cos x: 1, 1 and 0.8
    assert total(query, 0.0) == pytest.approx([1.0, -0.5, 0.5], abs=1e-3)


def test_other_grains_are_the_linear_score() -> None:
    query = asked(("target_caption", 1.0, X), ("modification", 2.0, Y))
    assert total(query, 0.1) == pytest.approx([1.0, 2.0, 2.2], abs=1e-3)
    without = asked(("modification", 2.0, Y), ("swapped", -0.5, Y))
    assert total(without, 0.1) == pytest.approx([0.0, 2.0, 1.6], abs=1e-3)  # nothing to hold it against
    assert binding.score(asked(("swapped", -0.5, Y)), {"margin": 0.1}) == {}


REPLY = '{"target_caption": "a red cup and a blue bowl", "pairs": ["red cup", "blue bowl"]}'


def test_a_query_holds_its_target_caption_against_itself_with_attributes_exchanged(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, (".", REPLY), recipe=load_recipe("binding"))
    trace = composer.ask(tmp_path / "gallery" / "red.png", "and a bowl", k=3)
    assert [(g.name, g.text, g.weight) for g in trace.grains] == [
        ("target_caption", "a red cup and a blue bowl", 1.0),
        ("swapped:1", "a blue cup and a red bowl", composer.recipe.grains["swapped"]),
    ]
    # both captions are one direction here, so that every picture pays the margin and no more
    margin = composer.recipe.fusion.numbers["margin"]
    for hit in trace.ranking.hits:
        assert hit.shares["swapped"] == pytest.approx(composer.recipe.grains["swapped"] * margin, abs=1e-6)


def test_a_query_without_pairs_is_searched_by_its_target_caption(tmp_path: Path) -> None:
    reply = '{"target_caption": "a blue square", "pairs": []}'
    composer = colour_composer(tmp_path, (".", reply), recipe=load_recipe("binding"))
    trace = composer.ask(Query("q", tmp_path / "gallery" / "red.png", "blue"), k=1)
    assert [grain.name for grain in trace.grains] == ["target_caption"]
    assert Path(trace.ranking.hits[0].path).stem == "blue"
    assert set(trace.ranking.hits[0].shares) == {"target_caption"}
