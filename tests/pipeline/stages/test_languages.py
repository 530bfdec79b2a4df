"""Languages: what a tower does not read is noticed, and told by what was understood of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.config.files import load_recipe, recipe_names
from likebut.pipeline.errors import InputError
from likebut.pipeline.records.trace import Hit, Query
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


ENGLISH = {  # what rendered captions' prompts were before they took a language: the keys of their answers
    "describe/dense": "31639c4c0fcb0f69cf8df9570d84e60abc94eda1d0bf9e7c0940122ca2055c33",
    "describe/objects": "48c145d7d05423f1df90bc1ba7ef854e8d0b1d4d9d3d874132ac85c64eac38c1",
    "describe/pointed": "8af6fd0cf09f1f93de8b4070e70af2b7cdd9e14973293c4433a15795b00c8c16",
    "describe/short": "11ff416156e6b3504ae1990a5ad7676a8ffda0dcd2299d0f87b54ebca6372843",
}


@pytest.mark.parametrize("name", [name for name in prompting.names() if name.startswith("describe/")])
def test_every_prompt_of_the_captioner_names_the_language_and_in_english_is_what_it_was(name: str) -> None:
    def told(language: str) -> str:
        prompt = prompting.load(name, language)
        values = dict.fromkeys(prompt.variables, "make it {{ night }}")
        return "\n".join(piece.role + piece.text for piece in prompting.render(prompt, values))

    assert hashlib.sha256(told(prompting.LANGUAGE).encode()).hexdigest() == ENGLISH[name]
    chinese = " ".join(told("Chinese").split())
    assert "Answer in Chinese, with" in chinese
    assert "English" not in chinese


def test_references_and_hits_are_described_in_the_language_of_the_tower(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("cirevl"))
    captioner = scripted(composer.reasoner.cache, ("Answer in Chinese", "一个红色的方块"))
    composer = replace(composer, captioner=captioner, reads=Reads("Chinese"))
    picture = next(tmp_path.rglob("red.png"))
    trace = composer.compose([Query("a", picture, "蓝色")], until="describe")[0]
    assert trace.description.captions == ("一个红色的方块",)
    shown = composer.showing.captions([Hit(1, 0, "red.png", str(picture), 1.0)])
    assert [one.caption for one in shown.values()] == ["一个红色的方块"]


def test_captions_that_were_asked_for_in_another_language_are_no_side_of_this_tower(tmp_path: Path) -> None:
    def sourced(reads: Reads) -> str:
        return f"captioner m 1, describe/dense 2, 1 each{reads.said}"

    english, chinese = Reads(), Reads("Chinese")
    assert sourced(english).endswith("1 each")  # as before languages were said
    for reads in (english, chinese):
        reads.check_captions(sourced(reads), tmp_path)
        reads.check_captions("file captions.json", tmp_path)
        reads.check_captions("", tmp_path)
    Reads("Chinese", multilingual=True).check_captions(sourced(english), tmp_path)
    for reads, other in ((english, chinese), (chinese, english)):
        with pytest.raises(InputError, match=f"are not in {reads.language}") as caught:
            reads.check_captions(f"{sourced(other)}; file captions.json", tmp_path)
        assert "--anew" in caught.value.hint


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
