"""Words that a profile's models cannot know are named, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.pocket.plan import plan_gallery
from likebut.pipeline.records.trace import Intent, Query, Trace
from likebut.pipeline.setup.assembly import assemble
from likebut.pipeline.setup.names import Setup
from likebut.pipeline.stages.vocabulary import unknown_words, vocabulary, warning
from tests.pipeline.colours import colour_composer

KNOWN = vocabulary("pocket:reasoner")


def test_words_that_were_never_taught_are_named() -> None:
    assert unknown_words("Put the red apple on a Sofa, on a sofa", KNOWN) == ["sofa"]
    told = warning("a red apple on a sofa", KNOWN, "pocket")
    assert "profile pocket do not know 'sofa'" in told
    assert "--profile cpu" in told
    nothing = "know nothing of the sentence ('skateboarder', 'paris'), so that the ranking means nothing"
    assert nothing in warning("skateboarder in Paris!", KNOWN, "pocket")
    assert unknown_words("7 cats, 🐈 and the cat's dog; don't", KNOWN) == ["7", "🐈", "don't"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "make it night",
        "but with three small red apples",
        "the cat’s apple … – not the dog's!",
        "as a sketch",
    ],
)
def test_nothing_is_said_of_what_is_known(text: str) -> None:
    assert warning(text, KNOWN, "pocket") == ""


def test_every_word_is_known_where_no_vocabulary_is_closed() -> None:
    assert warning("skateboarder in paris", vocabulary(""), "cpu") == ""
    with pytest.raises(ConfigError, match="no closed vocabulary"):
        vocabulary("pocket:clip")


def test_the_pocket_profile_is_told_and_hub_profiles_are_not(tmp_path: Path) -> None:
    assert assemble(Setup("text-only", "pocket", cache=tmp_path / "c")).words == KNOWN
    assert assemble(Setup("text-only", "cpu", cache=tmp_path / "c")).words == frozenset()


def test_the_trace_of_a_query_warns(tmp_path: Path) -> None:
    composer = replace(colour_composer(tmp_path), words=KNOWN)
    strange, plain = composer.compose([Query("a", None, "a sofa"), Query("b", None, "red")])
    assert any("'sofa'" in text for text in strange.warnings)
    assert not any("do not know" in text for text in plain.warnings)


def test_the_sentences_of_the_drawn_world_hold_no_unknown_word() -> None:
    for query in plan_gallery(count=200, seed=5, queries=40).queries:
        assert unknown_words(query.modification, KNOWN) == []


def test_words_that_are_set_or_searched_away_are_looked_at_too(tmp_path: Path) -> None:
    composer = replace(colour_composer(tmp_path), words=KNOWN, unwanted=("a guitar", "zebras"))
    given = Intent("a red sofa", elements={"forbidden": ("green skyscrapers",)})
    trace = composer.compose([Trace(Query("a", None, "red"), intent=given)])[0]
    assert any("'sofa', 'skyscrapers', 'zebras'" in text for text in trace.warnings)
