"""Languages: what a tower does not read is noticed, and told by what was understood of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.config.files import load_recipe, recipe_names
from likebut.pipeline.records.trace import Query
from likebut.pipeline.stages.languages import Reads
from tests.pipeline.colours import COLOURS, colour_composer, scripted


@pytest.mark.parametrize(
    ("language", "text", "foreign"),
    [
        ("English", "make it red", False),
        ("English", "сделай красным", True),
        ("English", "改成红色", True),
        ("English", "اجعله أحمر", True),
        ("English", "赤い iPhone case with a strap", False),
        ("English", "🎄❄️ 2024 !", False),
        ("English", "", False),
        ("German", "mach es grün", False),
        ("Chinese", "改成红色", False),
        ("Chinese", "make it red", True),
        ("Japanese", "赤いにして", False),
        ("Japanese", "빨간색으로", True),
        ("Russian", "сделай красным", False),
    ],
)
def test_a_sentence_is_foreign_where_most_letters_are_of_another_script(
    language: str, text: str, foreign: bool
) -> None:
    assert Reads(language).foreign(text) is foreign
    assert not Reads(language, multilingual=True).foreign(text)


def test_a_recipe_without_a_reasoner_says_what_the_tower_does_not_read(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("text-only"))
    read, unread = composer.compose([Query("a", None, "a red square"), Query("b", None, "красный")])
    assert not any("reads English" in text for text in read.warnings)
    assert any("reads English" in text and "multilingual" in text for text in unread.warnings)
    fluent = replace(composer, reads=Reads(multilingual=True))
    assert not any("reads" in text for text in fluent.compose([Query("b", None, "красный")])[0].warnings)


def test_a_sentence_that_the_tower_does_not_read_is_told_by_what_was_understood(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("likebut"))
    composer = replace(
        composer,
        captioner=scripted(composer.reasoner.cache, (".", "a red square")),
        reasoner=scripted(
            composer.reasoner.cache,
            (".", '{"target_caption": "a blue square", "desired": [], "preserved": [], "forbidden": []}'),
        ),
    )
    picture = next(tmp_path.rglob(f"{next(iter(COLOURS))}.png"))
    trace = composer.compose([Query("a", picture, "сделай синим")])[0]
    said = {grain.name: grain.text for grain in trace.grains}
    assert said["modification"] == "a blue square"
    assert trace.query.modification == "сделай синим"
    assert not any("reads English" in text for text in trace.warnings)


@pytest.mark.parametrize("name", [name for name in prompting.names() if name.startswith("reason/")])
def test_every_prompt_of_the_reasoner_can_be_answered_in_the_towers_language(name: str) -> None:
    def told(language: str) -> str:
        prompt = prompting.load(name, language)
        values = dict.fromkeys(prompt.variables, "x")
        return prompting.render(prompt, values)[0].text

    assert "answer in English" in " ".join(told(prompting.LANGUAGE).split())
    chinese = " ".join(told("Chinese").split())
    assert "answer in Chinese" in chinese
    assert "answer in English" not in chinese


def test_the_language_of_a_profile_reaches_every_question_of_a_recipe() -> None:
    for name in recipe_names():
        recipe = load_recipe(name).in_language("Korean")
        asked = [*recipe.reason, *recipe.refined.reason, *recipe.later.reason]
        assert {stage.language for stage in asked} <= {"Korean"}


def test_a_recipe_may_name_a_language_itself() -> None:
    recipe = load_recipe("cirevl")
    own = recipe.reason[0].model_copy(update={"language": "French"})
    kept = recipe.model_copy(update={"reason": [own]}).in_language("Korean")
    assert kept.reason[0].language == "French"
