"""Search: a family of scores ranks as its numbers say, among the rows it is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from likebut.indexes.exact import Exact
from likebut.pipeline.config.files import load_recipe, recipe_names
from likebut.pipeline.config.parts import Fusion
from likebut.pipeline.records.trace import Grain, Query
from likebut.pipeline.stages.search import Scope, search
from tests.pipeline.colours import REPLY, ComposingEncoder, colour_composer

RED, BLUE = np.array([1, 0, 0], np.float32), np.array([0, 0, 1], np.float32)


def names(ranking: object) -> list[str]:
    return [Path(hit.path).stem for hit in ranking.hits]  # type: ignore[attr-defined]


@pytest.mark.parametrize("family", ["linear", "product"])
def test_exclude_and_subset_hold_for_every_family(tmp_path: Path, family: str) -> None:
    index = colour_composer(tmp_path).index
    assert index is not None
    row = {item.id.removesuffix(".png"): item.row for item in index.all_items()}
    grains = [Grain("target_caption", "target_caption", 1.0, BLUE)]
    scope = Scope([row["blue"]], [row["red"], row["grey"], row["blue"]])
    ranking, subset = search(index, [grains], Fusion(family=family), 10, [scope], Exact())[0]
    assert "blue" not in names(ranking)
    assert names(ranking)[0] == "grey"
    assert names(subset) == ["blue", "grey", "red"]
    for hit in (*ranking.hits, *subset.hits):
        assert sum(hit.shares.values()) == pytest.approx(hit.score, abs=1e-3)


@pytest.mark.parametrize("recipe", recipe_names())
def test_every_recipe_answers_every_kind_of_query(tmp_path: Path, recipe: str) -> None:
    eye = ComposingEncoder() if "composed" in load_recipe(recipe).roles else None
    composer = colour_composer(tmp_path, (".", REPLY), recipe=load_recipe(recipe), encoder=eye)
    reference = tmp_path / "gallery" / "red.png"
    traces = composer.compose(
        [Query("both", reference, "make it blue"), Query("text", None, "blue"), Query("image", reference)],
        2,
    )
    for trace in traces:
        if recipe == "image-only" and trace.query.reference is None:
            assert "no grain" in trace.error
            continue
        assert not trace.error, (recipe, trace.query.id, trace.error)
        assert len(trace.ranking.hits) == 2
        assert all(np.isfinite(hit.score) for hit in trace.ranking.hits)


@pytest.mark.parametrize("recipe", [r for r in recipe_names() if load_recipe(r).reason])
def test_every_method_with_a_reasoner_finds_the_changed_picture(tmp_path: Path, recipe: str) -> None:
    composer = colour_composer(tmp_path, (".", REPLY), recipe=load_recipe(recipe))
    query = Query("q", tmp_path / "gallery" / "red.png", "make it blue")
    assert names(composer.compose([query], 4)[0].ranking)[0] == "blue"


def test_many_captions_are_rewritten_one_by_one(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, (".", REPLY), recipe=load_recipe("ldre"))
    trace = composer.compose([Query("q", tmp_path / "gallery" / "red.png", "make it blue")], 2)[0]
    assert len(trace.description.captions) == 15
    assert trace.intent.rewrites == ("a blue square",) * 15
    stages = [exchange.stage for exchange in trace.exchanges]
    assert (stages.count("describe"), stages.count("reason")) == (15, 15)


def test_a_reasoner_that_sees_is_shown_the_picture_and_needs_no_captioner(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, (r"red\.png", REPLY), recipe=load_recipe("osrcir"))
    composer = replace(composer, reasoner_sees=True)
    trace = composer.compose([Query("q", tmp_path / "gallery" / "red.png", "make it blue")], 2)[0]
    assert [exchange.stage for exchange in trace.exchanges] == ["reason"]
    assert "Caption:" not in trace.exchanges[0].messages[-1].text
    assert names(trace.ranking)[0] == "blue"


def test_two_questions_make_one_intent(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, (".", REPLY), recipe=load_recipe("cotmr"))
    trace = composer.compose([Query("q", tmp_path / "gallery" / "red.png", "make it blue")], 2)[0]
    asked = [exchange.prompt for exchange in trace.exchanges if exchange.stage == "reason"]
    assert asked == ["reason/image-scale", "reason/object-scale"]
    assert {grain.role for grain in trace.grains} == {"target_caption", "desired", "forbidden"}
