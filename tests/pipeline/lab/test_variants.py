"""Variants: a prompt in the place of a recipe's question, with each profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.lab.variants import variants
from tests.pipeline.lab.conftest import write_prompt


def test_a_variant_differs_from_its_recipe_in_one_prompt(tmp_path: Path) -> None:
    recipe = load_recipe("likebut@pocket")
    mine = write_prompt(tmp_path, "mine")
    first, second, third = variants(recipe, ["likebut", "reason/cirevl", mine], ["pocket"])
    assert first.recipe == recipe
    assert [one.name for one in (first, second, third)] == ["likebut", "cirevl", "mine"]
    assert second.recipe.reason[0].prompt == "reason/cirevl"
    assert third.recipe.reason[0].prompt == mine
    rest = {"reason": recipe.reason}
    assert third.recipe.model_copy(update=rest) == recipe


def test_every_prompt_goes_with_every_profile() -> None:
    found = variants(load_recipe("likebut"), ["likebut", "cirevl"], ["pocket", "text"])
    assert [(one.name, one.profile) for one in found] == [
        ("likebut × pocket", "pocket"),
        ("cirevl × pocket", "pocket"),
        ("likebut × text", "text"),
        ("cirevl × text", "text"),
    ]
    assert [one.folder for one in found] == [
        "likebut-pocket",
        "cirevl-pocket",
        "likebut-text",
        "cirevl-text",
    ]


def test_files_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    paths = [write_prompt(tmp_path, "mine"), write_prompt(tmp_path / "a", "mine")]
    found = variants(load_recipe("cirevl"), paths, ["pocket"])
    assert [one.name for one in found] == paths
    assert len({one.folder for one in found}) == 2


def test_the_second_question_of_a_recipe_can_be_the_one(tmp_path: Path) -> None:
    _, mine = variants(load_recipe("cotmr"), ["object-scale", "selective"], ["pocket"], 2)
    asked = [stage.prompt for stage in mine.recipe.reason]
    assert asked == ["reason/image-scale", "reason/selective"]
    assert mine.recipe.reason[1].sees


@pytest.mark.parametrize(
    ("recipe", "prompts", "question", "complaint"),
    [
        ("likebut", ["likebut"], 1, "nothing to be compared with"),
        ("likebut", ["likebut", "reason/likebut"], 1, "likebut is named twice"),
        ("likebut", ["likebut", "cirevel"], 1, "no prompt 'cirevel'"),
        ("likebut", ["likebut", "describe/dense"], 1, "has no variable 'caption'"),
        ("cirevl", ["likebut", "cirevl"], 2, "has 1 reason question, not 2"),
        ("text-only", ["likebut", "cirevl"], 1, "asks the reasoner nothing"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_asked(
    recipe: str, prompts: list[str], question: int, complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        variants(load_recipe(recipe), prompts, ["pocket"], question)
    assert complaint in caught.value.message
