"""Recipes and profiles: strict, and helpful where they do not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import prompting
from pipeline.config import (
    load_profile,
    load_recipe,
    profile_names,
    recipe_names,
    recipe_path,
)
from pipeline.errors import ConfigError

RECIPE = 'description = "mine"\n[grains]\nreference = 1.0\n'


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_holds_and_its_prompts_exist(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.grains
    for stage in (recipe.describe, *recipe.reason):
        if stage:
            assert prompting.load(stage.prompt).fingerprint


@pytest.mark.parametrize("name", profile_names())
def test_every_shipped_profile_holds(name: str) -> None:
    profile = load_profile(name)
    assert profile.captioner.model
    assert profile.reasoner.model
    assert profile.encoder.model


def test_a_recipe_of_ones_own_is_a_file(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, RECIPE))
    assert (recipe.name, recipe.grains) == ("mine", {"reference": 1.0})
    assert recipe.fusion.calibration == "none"
    assert recipe.describe is None


def test_forbidden_elements_count_against_a_picture_in_likebut() -> None:
    grains = load_recipe("likebut").grains
    assert grains["forbidden"] < 0 < grains["target_caption"]


def test_a_weight_may_be_changed_and_an_unknown_one_is_met_with_a_suggestion() -> None:
    changed = load_recipe("cirevl").with_weights({"reference": 0.5})
    assert changed.grains == {"target_caption": 1.0, "reference": 0.5}
    with pytest.raises(ConfigError) as problem:
        changed.with_weights({"referenc": 1.0})
    assert "did you mean 'reference'" in problem.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (RECIPE + "[fusion]\ncalibraton = 'none'", "calibraton"),
        (RECIPE + "[fusion]\ncalibration = 'softmax'", "fusion.calibration"),
        (RECIPE.replace("1.0", "'much'"), "grains.reference"),
        (RECIPE.replace("reference", "refrence"), "refrence"),
        ("[grains]\nreference = 1.0", "description"),
        ("description = ", "not valid TOML"),
    ],
)
def test_a_fault_is_named_with_its_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as problem:
        load_recipe(write(tmp_path, text))
    assert "mine.toml" in problem.value.message
    assert words in problem.value.message


def test_an_unknown_key_of_a_stage_is_met_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as problem:
        load_recipe(write(tmp_path, RECIPE + "[describe]\nprompt = 'describe/dense'\ncaptons = 2"))
    assert "did you mean 'captions'" in problem.value.hint


def test_unknown_names_and_missing_files_are_refused() -> None:
    with pytest.raises(ConfigError) as problem:
        recipe_path("likbut")
    assert "did you mean 'likebut'" in problem.value.hint
    with pytest.raises(ConfigError, match="no recipe file"):
        recipe_path("nowhere.toml")
    with pytest.raises(ConfigError) as other:
        load_profile("zzz")
    assert "known: cpu" in other.value.hint
