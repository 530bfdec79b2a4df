"""More like these, less like those: signed grains of hits, and what was not liked is no hit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from likebut.pipeline.records.trace import Query, Trace
from likebut.pipeline.stages.composer import Composer
from likebut.pipeline.stages.feedback import feedback
from tests.pipeline.colours import colour_composer


def asked(composer: Composer, tmp_path: Path, **marked: tuple[str, ...]) -> Trace:
    query = Query("q", tmp_path / "gallery" / "red.png", "make it blue", **marked)
    (trace,) = composer.compose([query], 4)
    return trace


def names(trace: Trace) -> list[str]:
    return [Path(hit.path).stem for hit in trace.ranking.hits]


def test_hits_that_are_liked_share_one_weight(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    query = Query("q", liked=("green.png", "blue.png", "green.png"), disliked=("red.png",))
    grains, warnings = feedback(query, composer.recipe, composer.gallery)
    assert [(grain.name, grain.weight) for grain in grains] == [
        ("liked:green.png", 0.25),
        ("liked:blue.png", 0.25),
        ("disliked:red.png", -0.25),
    ]
    np.testing.assert_allclose(grains[0].vector, [0, 1, 0], atol=1e-3)
    assert warnings == ()


def test_a_recipe_may_say_how_much_they_count(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    recipe = composer.recipe.with_weights({"liked": 2.0, "disliked": 0.0})
    query = Query("q", liked=("green.png",), disliked=("red.png",))
    assert [(g.name, g.weight) for g in feedback(query, recipe, composer.gallery).grains] == [
        ("liked:green.png", 2.0)
    ]


def test_what_is_liked_moves_the_ranking_and_what_is_not_is_gone(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    assert names(asked(composer, tmp_path))[0] == "blue"
    eager = replace(composer, recipe=composer.recipe.with_weights({"liked": 5.0}))
    assert names(asked(eager, tmp_path, liked=("green.png",)))[0] == "green"
    assert "blue" not in names(asked(composer, tmp_path, disliked=("blue.png",)))


def test_a_share_of_the_score_is_told_of_each(tmp_path: Path) -> None:
    trace = asked(colour_composer(tmp_path), tmp_path, liked=("green.png",))
    green = next(hit for hit in trace.ranking.hits if hit.id == "green.png")
    assert green.shares["liked:green.png"] > 0
    assert sum(green.shares.values()) == pytest.approx(green.score, abs=1e-6)


def test_a_mark_on_what_the_gallery_does_not_hold_is_said_and_changes_nothing(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    trace = asked(composer, tmp_path, liked=("pink.png",), disliked=("mauve.png",))
    assert names(trace) == names(asked(composer, tmp_path))
    assert trace.warnings == (
        "the gallery has no pink.png, which was marked",
        "the gallery has no mauve.png, which was marked",
    )
