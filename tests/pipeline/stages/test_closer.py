"""Grains of regions: a small thing in a corner is found, and the search says where it was met."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likebut.indexes.build import build
from likebut.indexes.contract import Box
from likebut.indexes.exact import Exact
from likebut.indexes.region_build import RegionSpec
from likebut.indexes.store import Index
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.parts import Fusion, RegionScore
from likebut.pipeline.config.recipe import Recipe
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Grain, Scope
from likebut.pipeline.stages.composer import Composer
from likebut.pipeline.stages.search import search
from tests.pipeline.colours import COLOURS, ColourEncoder, colour_composer

RED, BLUE = np.array([1, 0, 0], np.float32), np.array([0, 0, 1], np.float32)
WHOLE = Grain("target_caption", "target_caption", 1.0, RED)
BLUE_PART = Grain("region/desired:blue", "region/desired", 1.0, BLUE)


def paint(folder: Path) -> None:
    """One red picture, and four that are red but for a blue quarter."""
    folder.mkdir()
    for name, corner in {"none": None, "a": (0, 0), "b": (8, 0), "c": (0, 8), "d": (8, 8)}.items():
        picture = Image.new("RGB", (16, 16), COLOURS["red"])
        if corner:
            picture.paste(COLOURS["blue"], (*corner, corner[0] + 8, corner[1] + 8))
        picture.save(folder / f"{name}.png")


@pytest.fixture
def index(tmp_path: Path) -> Index:
    paint(tmp_path / "gallery")
    build([tmp_path / "gallery"], tmp_path / "index", ColourEncoder(), regions=RegionSpec("crops"))
    return Index.open(tmp_path / "index")


def names(hits: object) -> list[str]:
    return [Path(hit.path).stem for hit in hits.hits]  # type: ignore[attr-defined]


def test_a_part_is_found_that_the_whole_hides(index: Index) -> None:
    (whole, _), *_ = search(index, [[WHOLE]], Fusion(), 5, [Scope()], Exact(), RegionScore())
    assert names(whole)[0] == "none"
    asked = [WHOLE, replace(BLUE_PART, weight=2.0)]
    (found, _), *_ = search(index, [asked], Fusion(), 5, [Scope()], Exact(), RegionScore())
    assert names(found)[-1] == "none"
    first = found.hits[0]
    # three parts of four are red: the whole is (3, 0, 1) / √10; the blue quarter is met exactly
    assert first.shares == pytest.approx({"target_caption": 3 / np.sqrt(10), BLUE_PART.name: 2.0}, abs=2e-3)
    assert first.score == pytest.approx(sum(first.shares.values()), abs=1e-6)


def test_where_it_was_met_is_the_quarter_that_is_blue(index: Index) -> None:
    asked = [WHOLE, replace(BLUE_PART, weight=2.0)]
    (found, _), *_ = search(index, [asked], Fusion(), 4, [Scope()], Exact(), RegionScore())
    met = {Path(hit.path).stem: hit.boxes[BLUE_PART.name] for hit in found.hits}
    assert met == {
        "a": Box(0, 0, 0.5, 0.5),
        "b": Box(0.5, 0, 1, 0.5),
        "c": Box(0, 0.5, 0.5, 1),
        "d": Box(0.5, 0.5, 1, 1),
    }


def test_what_met_the_whole_picture_best_has_no_part(index: Index) -> None:
    even = Grain("region/desired:red", "region/desired", 1.0, RED)
    scope = Scope(subset=[index.row_of("none.png") or 0])
    (_, subset), *_ = search(index, [[WHOLE, even]], Fusion(), 1, [scope], Exact(), RegionScore())
    assert names(subset) == ["none"]
    assert subset.hits[0].boxes == {even.name: Box(0, 0, 0.5, 0.5)}, "the first of equals"


def test_only_the_pool_of_the_best_is_looked_at_and_a_page_is_never_shorter_for_it(index: Index) -> None:
    asked = [WHOLE, replace(BLUE_PART, weight=9.0)]
    (found, _), *_ = search(index, [asked], Fusion(), 1, [Scope()], Exact(), RegionScore(pool=1))
    assert names(found) == ["none"]
    (found, _), *_ = search(index, [asked], Fusion(), 5, [Scope()], Exact(), RegionScore(pool=1))
    assert len(found.hits) == 5


def test_alone_the_regions_make_the_score_and_the_rest_chooses_the_pool(index: Index) -> None:
    score = RegionScore(alone=True)
    (found, _), *_ = search(index, [[WHOLE, BLUE_PART]], Fusion(), 5, [Scope()], Exact(), score)
    assert set(found.hits[0].shares) == {BLUE_PART.name}
    assert found.hits[0].score == pytest.approx(1.0, abs=2e-3)


def test_z_scores_count_in_spreads_of_the_pool(index: Index) -> None:
    asked = [WHOLE, BLUE_PART]
    fusion = Fusion(calibration="zscore")
    (found, _), *_ = search(index, [asked], fusion, 5, [Scope()], Exact(), RegionScore())
    shares = np.array([hit.shares[BLUE_PART.name] for hit in found.hits])
    assert shares.mean() == pytest.approx(0.0, abs=1e-6)
    assert shares.std() == pytest.approx(1.0, abs=1e-6)


def test_what_is_excluded_stays_out_and_a_subset_is_looked_at_whole(index: Index) -> None:
    barred = index.row_of("a.png")
    assert barred is not None
    scope = Scope([barred], range(5))
    asked = [WHOLE, replace(BLUE_PART, weight=2.0)]
    (found, subset), *_ = search(index, [asked], Fusion(), 5, [scope], Exact(), RegionScore(pool=2))
    assert "a" not in names(found)
    assert names(subset)[-1] == "none"
    assert len(subset.hits) == 5


def closely() -> Recipe:
    changed = {"grains": {"modification": 1.0}, "region_grains": {"modification": 1.0, "reference": 0.5}}
    return load_recipe("text-only").model_copy(update=changed)


def test_the_parts_of_a_reference_are_grains_that_share_its_weight(index: Index, tmp_path: Path) -> None:
    composer = colour_composer(tmp_path / "other", recipe=load_recipe("text-only"))
    outside = tmp_path / "blue.png"
    Image.new("RGB", (16, 16), COLOURS["blue"]).save(outside)
    asking = replace(composer, recipe=closely()).on(index.folder)
    for reference in (outside, Path(index.items([1])[0].path)):
        trace = asking.ask(reference, "red", k=3)
        assert not trace.error
        parts = [grain for grain in trace.grains if grain.role == "region/reference"]
        assert [grain.name for grain in parts] == [f"region/reference:{n}" for n in range(1, 6)]
        assert sum(grain.weight for grain in parts) == pytest.approx(0.5)
    trace = asking.ask(outside, "red")
    assert all(grain.vector @ BLUE > 0.99 for grain in trace.grains if grain.role == "region/reference")


def test_a_gallery_without_regions_is_refused_with_the_command_that_makes_them(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("text-only"))
    with pytest.raises(ConfigError, match="has none") as caught:
        replace(composer, recipe=closely()).on(tmp_path / "index")
    assert "--regions crops" in caught.value.hint


def test_a_recipe_of_patches_does_not_take_crops(index: Index, tmp_path: Path) -> None:
    composer: Composer = colour_composer(tmp_path / "other", recipe=load_recipe("text-only"))
    patches = closely().model_copy(update={"regions": RegionScore(kind="patches")})
    with pytest.raises(ConfigError, match=r"patches of pictures, and the index in .* has crops"):
        replace(composer, recipe=patches).on(index.folder)
