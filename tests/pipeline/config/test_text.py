"""Recipe files with other numbers, and recipes side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline.config.files import load_recipe, recipe_names, recipe_path
from likebut.pipeline.config.text import differences, rewritten, with_questions, write
from likebut.pipeline.errors import ConfigError

TEXT = """# Why it is so.
description = "x"

[describe]
prompt = "describe/dense"

[mixes.both]
reference = 0.5
modification = 0.5  # half each

[grains]
# the mix first
both = 1.0
caption = -0.25 # a little less

# and how
[fusion]
calibration = "zscore"
"""


def test_numbers_change_and_everything_else_stays() -> None:
    text = rewritten(TEXT, {"grains": {"both": 0.75, "caption": -0.5, "desired": 0.1}}, 'ours: "n" 3')
    assert text == TEXT.replace("both = 1.0", "both = 0.75").replace(
        "caption = -0.25 # a little less", "caption = -0.5 # a little less\ndesired = 0.1"
    ).replace('description = "x"\n', 'description = "x"\nweights_from = "ours: \\"n\\" 3"\n')


def test_a_grain_whose_name_is_no_bare_key_is_quoted() -> None:
    text = rewritten(TEXT, {"grains": {"a photo of {caption}": 0.5}}, "ours")
    assert '"a photo of {caption}" = 0.5\n' in text
    again = rewritten(text, {"grains": {"a photo of {caption}": 0.25}}, "ours")
    assert again == text.replace('{caption}" = 0.5', '{caption}" = 0.25')


def test_the_shares_of_a_mix_change_under_their_own_header() -> None:
    text = rewritten(TEXT, {"mixes.both": {"reference": 0.25, "modification": 0.75}}, "ours")
    assert "reference = 0.25\nmodification = 0.75  # half each" in text
    assert "both = 1.0" in text


def test_numbers_that_are_right_keep_their_spelling() -> None:
    assert "both = 1.0" in rewritten(TEXT, {"grains": {"both": 1.0, "caption": -0.25}}, "ours")
    text = TEXT.replace("both = 1.0", "both = 1.00")
    assert "both = 1.00\n" in rewritten(text, {"grains": {"both": 1.0}}, "ours")


def test_an_earlier_source_of_the_weights_is_replaced() -> None:
    once = rewritten(TEXT, {"grains": {"both": 0.5}}, "first # not a comment")
    again = rewritten(once, {"grains": {"both": 0.4}}, "second")
    assert again == rewritten(TEXT, {"grains": {"both": 0.4}}, "second")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('description = "x"\ngrains = { both = 1.0 }\n', "grains"),
        ('description = "x"\ngrains.both = 1.0\n', "grains"),
        ('description = "x"\nweights_from = """\nlong"""\n[grains]\nboth = 1.0\n', "its layout"),
    ],
)
def test_a_layout_that_is_not_understood_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rewritten(text, {"grains": {"both": 0.5}}, "ours")
    assert complaint in caught.value.message


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_of_the_package_can_be_given_other_numbers(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    grains = {role: weight / 3 for role, weight in recipe.grains.items()}
    text = rewritten(recipe_path(name).read_text(), {"grains": grains}, "ours")
    write(tmp_path / "new" / "mine.toml", text)
    after = load_recipe(str(tmp_path / "new" / "mine.toml"))
    assert (after.grains, after.weights_from, after.name) == (grains, "ours", "mine")
    assert after.variants == {}
    changed = {
        key
        for key, _, _ in differences(recipe.model_copy(update={"variants": {}}), after)
        if key != "weights_from"
    }
    assert changed == {f"grains.{role}" for role, weight in recipe.grains.items() if weight}
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "mine.toml"]


def test_new_numbers_are_not_hidden_by_those_of_a_variant(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'description = "x"\n[grains]\nreference = 1.0\n\n# clothes\n'
        "[variants.clothes.grains]\nreference = 2.0\n[ variants.drawn.mixes.a]\nreference = 1.0\n"
        '[fusion]\ncalibration = "zscore"\n'
    )
    text = rewritten(mine.read_text(), {"grains": {"reference": 0.5}}, "ours")
    assert text == (
        'description = "x"\nweights_from = "ours"\n[grains]\nreference = 0.5\n'
        '[fusion]\ncalibration = "zscore"\n'
    )
    mine.write_text(text)
    assert load_recipe(str(mine), "clothes").grains == {"reference": 0.5}


def test_a_variant_may_ask_other_questions_which_its_text_then_holds(tmp_path: Path) -> None:
    asked = load_recipe("likebut@pocket")
    assert [stage.prompt for stage in asked.reason] == ["reason/likebut"]
    text = rewritten(recipe_path("likebut").read_text(), {"grains": asked.grains}, "ours")
    mine = tmp_path / "mine.toml"
    mine.write_text(with_questions(text, asked.reason))
    again = load_recipe(str(mine), "pocket")
    assert (again.reason, again.grains, again.variants) == (asked.reason, asked.grains, {})
    assert with_questions(mine.read_text(), asked.reason) == mine.read_text()


def test_a_variant_differs_by_its_numbers_alone() -> None:
    assert differences(load_recipe("pdv"), load_recipe("pdv@fashioniq-l14")) == [
        ("grains.target_caption", 1.25, 1.165),
        ("grains.caption", -0.5, -0.615),
        ("grains.reference", 0.25, 0.45),
    ]


def test_a_key_that_one_recipe_lacks_is_none_there() -> None:
    found = {key: (a, b) for key, a, b in differences(load_recipe("cirevl"), load_recipe("cotmr"))}
    assert found["reason.1.prompt"] == ("reason/cirevl", "reason/image-scale")
    assert found["reason.2.prompt"] == (None, "reason/object-scale")
    assert found["grains.forbidden"] == (None, -0.15)
    assert not [key for key in found if key in ("name", "description", "paper")]


def test_numbers_that_a_family_brings_along_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "silent.toml"
    path.write_text(
        recipe_path("ldre").read_text().replace("numbers = { places = 5, temperature = 0.04 }", "")
    )
    assert differences(load_recipe("ldre"), load_recipe(str(path))) == []
