"""Recipes and profiles: strict, and helpful where they do not hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.config.files import (
    load_profile,
    load_recipe,
    profile_names,
    recipe_names,
    recipe_path,
)
from likebut.pipeline.errors import ConfigError

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


def test_methods_that_look_twice_have_their_papers_numbers() -> None:
    def looks(name: str) -> list[tuple[str, int, str]]:
        return [(one.judge, one.top, one.fusion) for one in load_recipe(name).rerank]

    assert looks("wiser") == [("yes", 50, "replace")]
    assert looks("imagescope") == [("fitting", 20, "replace"), ("pair", 3, "replace")]
    assert looks("inquire") == [("yes", 100, "replace")]
    scope = load_recipe("imagescope")
    assert (scope.grains, scope.caption_grains) == ({"rewrites": 0.85}, {"rewrites": 0.15})
    wiser, autocir = load_recipe("wiser").refine, load_recipe("autocir").refine
    assert wiser is not None
    assert (wiser.below, wiser.look) == (0.7, 1)
    assert autocir is not None
    assert (autocir.below, autocir.look, load_recipe("autocir").rerank) == (None, 10, [])
    for refine in (wiser, autocir):
        assert "suggestion" in prompting.load(refine.reason).variables


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


VARIANTS = (
    RECIPE
    + """
[variants.drawn.grains]
reference = 0.5
"""
)


def test_the_usual_variant_is_taken_where_there_is_one_and_none_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, VARIANTS)
    found = {
        (name, usual): (recipe.name, recipe.grains["reference"])
        for name in (path, f"{path}@drawn", f"{path}@")
        for usual in ("", "drawn", "clothes")
        for recipe in [load_recipe(name, usual)]
    }
    plain, drawn = ("mine", 1.0), ("mine@drawn", 0.5)
    assert found == {
        (path, ""): plain,
        (path, "drawn"): drawn,
        (path, "clothes"): plain,
        **{(f"{path}@drawn", usual): drawn for usual in ("", "drawn", "clothes")},
        **{(f"{path}@", usual): plain for usual in ("", "drawn", "clothes")},
    }


def test_each_profile_takes_its_own_numbers_of_the_default_method() -> None:
    usual = {name: load_profile(name).variant for name in profile_names()}
    own = {"photos": "photos", "pocket": "pocket"}
    assert usual == {name: own.get(name, "") for name in usual}
    assert usual.keys() > own.keys()
    assert load_recipe("likebut", "pocket") != load_recipe("likebut")


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


def test_pdv_weights_are_those_of_its_formula() -> None:
    def weights(beta: float, a_image: float, a_text: float) -> dict[str, float]:
        return {
            "target_caption": (1 - beta) * a_image + beta * a_text,
            "caption": beta * (1 - a_text) - (1 - beta) * a_image,
            "reference": 1 - beta,
        }

    published = {
        "pdv": (0.75, 1.4, 1.2),
        "pdv@fashioniq-b32": (0.75, 1.4, 1.4),
        "pdv@fashioniq-l14": (0.55, 1.0, 1.3),
        "pdv@fashioniq-g14": (0.60, 1.4, 1.4),
        "pdv-image": (0.0, 1.4, 1.0),
        "pdv-text": (1.0, 1.0, 1.2),
    }
    for name, numbers in published.items():
        wanted = {role: weight for role, weight in weights(*numbers).items() if weight}
        assert load_recipe(name).grains == pytest.approx(wanted), name


def test_a_variant_changes_numbers_and_its_name() -> None:
    recipe = load_recipe("seize@cirr")
    assert recipe.fusion.numbers == {"gain": 0.22, "loss": 1.0}
    assert recipe.name == "seize@cirr"
    with pytest.raises(ConfigError) as caught:
        load_recipe("seize@cir")
    assert "'cirr'" in caught.value.hint


def test_a_template_is_a_weight_like_any_other_and_reads_what_it_says() -> None:
    recipe = load_recipe("sketch").with_weights({"a photo of {caption}": 0.25, "{rewrites}, drawn": 0.1})
    assert recipe.grains["a photo of {caption}"] == 0.25
    assert recipe.reads("captions")
    with pytest.raises(ConfigError, match="--weight: no grain 'captoin'"):
        recipe.with_weights({"a photo of {captoin}": 1.0})


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[mixes.m]\ntargets = 1.0\n[grains]\nm = 1.0", "[mixes.m]: no grain 'targets'"),
        ("[grains]\nmix = 1.0", "[grains]: no grain 'mix'"),
        ('[grains]\n"a photo of {captoin}" = 1.0', "[grains]: no grain 'captoin'"),
        ('[grains]\n"a photo of {caption" = 1.0', "[grains]: no template 'a photo of {caption'"),
        ('[grains]\n"{caption} and {caption}" = 1.0', "[grains]: no template '{caption} and {caption}'"),
        ('[grains]\n"note: {caption}" = 1.0', "[grains]: no template 'note: {caption}'"),
        ('[grains]\n"like {reference}" = 1.0', "[grains]: no template 'like {reference}'"),
        ('[mixes.m]\n"{liked}" = 1.0\n[grains]\nm = 1.0', "[mixes.m]: no template '{liked}'"),
        ('[grains]\nreference = 1.0\n[fusion]\nfamily = "linea"', "no score family 'linea'"),
        (
            '[grains]\nreference = 1.0\n[fusion]\nfamily = "gated"\nnumbers = { bet = 1.0 }',
            "the family gated has no number 'bet'",
        ),
    ],
)
def test_a_recipe_that_names_what_is_not_there_is_refused(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'description = "mine"\n{text}')
    with pytest.raises(ConfigError) as caught:
        load_recipe(str(path))
    assert complaint in caught.value.message
