"""The recipes of the text side: what each asks, searches and takes from its paper."""

from __future__ import annotations

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.config.files import load_recipe, recipe_names
from likebut.pipeline.prompting.check import check

TEXT_SIDE = {
    "binding": "reason/pairs",
    "cased": "reason/cirevl",
    "cupl": "reason/descriptions",
    "freedom": "",
    "neglected-tails": "reason/commoner",
    "rlcf": "reason/cirevl",
    "scene-graph": "reason/triples",
    "sync": "reason/cirevl",
    "trust": "reason/cirevl",
}


@pytest.mark.parametrize("name", TEXT_SIDE)
def test_each_is_a_shipped_recipe_with_its_paper_and_where_its_numbers_come_from(name: str) -> None:
    assert name in recipe_names()
    recipe = load_recipe(name)
    assert recipe.paper
    assert recipe.weights_from
    assert [stage.prompt for stage in recipe.reason] == ([TEXT_SIDE[name]] if TEXT_SIDE[name] else [])


@pytest.mark.parametrize("name", sorted({*TEXT_SIDE.values()} - {""}))
def test_their_prompts_have_no_fault(name: str) -> None:
    assert check(name) == []


@pytest.mark.parametrize(
    ("prompt", "field"),
    [
        ("reason/descriptions", "rewrites"),
        ("reason/commoner", "commoner"),
        ("reason/triples", "triples"),
        ("reason/pairs", "pairs"),
    ],
)
def test_a_prompt_asks_for_the_list_that_its_recipe_weighs(prompt: str, field: str) -> None:
    loaded = prompting.load(prompt)
    assert loaded.schema is not None
    assert field in loaded.schema["required"]
    shown = [example["reply"][field] for example in loaded.examples]
    assert any(shown)
    if field != "rewrites":
        assert field in prompting.lists(loaded)
        assert [] in shown, "an example shows that there may be nothing to name"


def test_lists_and_roles_have_the_weights_that_the_methods_ask_for() -> None:
    assert load_recipe("cupl").grains == {"rewrites": 1.0}  # the mean of all descriptions
    assert load_recipe("neglected-tails").grains == {"target_caption": 0.5, "commoner": 0.5}
    assert load_recipe("scene-graph").grains["triples"] > 0
    assert load_recipe("binding").grains["swapped"] < 0 < load_recipe("binding").grains["target_caption"]
    (sampled,) = load_recipe("rlcf").reason
    assert (sampled.samples, sampled.choose) == (8, "best")


def test_published_numbers_are_those_of_the_papers() -> None:
    tags, labels = (load_recipe(name).describe for name in ("cased", "freedom"))
    assert tags is not None
    assert labels is not None
    assert (tags.how, tags.nearest) == ("tags", 10)
    assert (labels.how, labels.nearest, labels.words) == ("labels", 20, 7)


def test_which_of_them_need_captions_in_the_gallery() -> None:
    assert {name for name in TEXT_SIDE if load_recipe(name).needs_captions} == {"cased", "freedom", "sync"}
    recipe = load_recipe("freedom")
    assert recipe.describe is not None
    own = recipe.describe.model_copy(update={"words_file": "labels.txt"})
    assert not recipe.model_copy(update={"describe": own}).needs_captions
