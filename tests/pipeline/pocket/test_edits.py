"""The edit grammar: each kind of edit changes what it says, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from likebut.pipeline.pocket import edits, world
from likebut.pipeline.pocket.world import Kind, Scene

ONE = Scene((Kind("apple", "red", "large", 2),), "forest", "day", "flat")
TWO = Scene((Kind("apple", "red"), Kind("cat", "blue")), "city", "night", "sketch", "left of")


def edit_of(scene: Scene, kind: str, seed: int = 0) -> edits.Edit:
    edit = edits.make_edit(scene, kind, Random(seed))
    assert edit is not None
    return edit


@pytest.mark.parametrize("field", ["colour", "category", "count", "size"])
def test_an_attribute_edit_changes_that_attribute_of_one_kind(field: str) -> None:
    for seed in range(30):
        edit = edit_of(ONE, field, seed)
        before, after = edit.before.kinds[0], edit.after.kinds[0]
        assert getattr(before, field) != getattr(after, field)
        assert replace(after, **{field: getattr(before, field)}) == before
        assert replace(edit.after, kinds=ONE.kinds) == ONE


@pytest.mark.parametrize("field", ["setting", "time", "style"])
def test_a_scene_edit_changes_only_its_field(field: str) -> None:
    edit = edit_of(TWO, field)
    assert replace(edit.after, **{field: getattr(TWO, field)}) == TWO != edit.after


def test_a_position_edit_keeps_the_kinds_and_changes_where_they_stand() -> None:
    for seed in range(30):
        after = edit_of(TWO, "position", seed).after
        assert set(after.kinds) == set(TWO.kinds)
        assert (after.kinds, after.relation) != (TWO.kinds, TWO.relation)


def test_adding_needs_one_kind_and_removing_two() -> None:
    assert len(edit_of(ONE, "add").after.kinds) == 2
    assert len(edit_of(TWO, "remove").after.kinds) == 1
    assert edits.make_edit(TWO, "add", Random(0)) is None
    assert edits.make_edit(ONE, "remove", Random(0)) is None
    assert edits.make_edit(ONE, "position", Random(0)) is None


def test_a_combined_edit_says_and_does_both() -> None:
    edit = edit_of(ONE, "colour+time")
    assert edit.after.time == "night"
    assert edit.after.kinds[0].colour != "red"
    assert "; " in edit.reasoning


def test_an_edit_by_lot_in_training_never_makes_an_unseen_pair() -> None:
    rng = Random(8)
    for _ in range(1500):
        edit = edits.random_edit(world.random_scene(rng, seen_only=True), rng, seen_only=True)
        assert not any(world.is_unseen(k.category, k.colour) for k in edit.after.kinds)


def test_articles_fit_their_nouns() -> None:
    rng = Random(9)
    for _ in range(3000):
        words = edits.random_edit(world.random_scene(rng), rng).sentence.split()
        for article, word in pairwise(words):
            if article in ("a", "an"):
                assert (article == "an") == (word[0] in "aeiou"), words


def test_the_intent_of_a_colour_edit_is_worked_out_by_hand() -> None:
    after = replace(ONE, kinds=(replace(ONE.kinds[0], colour="blue"),))
    intent = edits.intent_of(edits.Edit("colour", ONE, after, "make them blue", "why"))
    assert intent.target_caption == "two large blue apples in a forest by day in flat colour"
    assert intent.desired == ("two large blue apples",)
    assert intent.preserved == ("in a forest", "by day", "in flat colour")
    assert intent.forbidden == ("two large red apples",)


def test_the_intent_of_a_setting_edit_forbids_the_old_setting() -> None:
    after = replace(ONE, setting="beach")
    intent = edits.intent_of(edits.Edit("setting", ONE, after, "at the beach", "why"))
    assert intent.desired == ("at the beach",)
    assert intent.forbidden == ("in a forest",)


def test_an_edit_that_holds_already_changes_nothing_and_says_so() -> None:
    seen = set()
    for seed in range(400):
        edit = edits.random_edit(world.random_scene(Random(seed)), Random(seed))
        held = edits.holding(edit)
        if held is None:
            assert any(step in edit.sentence for step in ("one more", "fewer", "take away one"))
            continue
        assert held.before == held.after == edit.after
        assert held.sentence == edit.sentence
        intent = edits.intent_of(held)
        assert (intent.desired, intent.forbidden) == ((), ())
        assert all(part.endswith(" already") for part in held.reasoning.split("; "))
        seen |= set(held.kind.split("+"))
    assert seen == set(edits.MAKERS)


@pytest.mark.parametrize(
    ("reasoning", "already"),
    [
        ("apple colour red becomes blue", "apple colour blue already"),
        ("cat becomes dog", "dog already"),
        ("cat count one becomes two", "cat count two already"),
        ("now cat left of dog", "cat left of dog already"),
        ("add one red cat with cat above dog", "one red cat already"),
        ("remove cat", "no cat already"),
    ],
)
def test_what_holds_already_is_said_in_the_words_of_the_change(reasoning: str, already: str) -> None:
    edit = edits.Edit("any", ONE, ONE, "a sentence", reasoning)
    held = edits.holding(edit)
    assert held is not None
    assert held.reasoning == already


def test_half_of_a_sentence_may_hold_already() -> None:
    held = edits.holding(edit_of(ONE, "colour"))
    assert held is not None
    for seed in range(20):
        half = edits.half_holding(held.after, Random(seed), held=held)
        assert half is not None
        assert half.before == held.after != half.after
        assert half.after.kinds[0].colour == held.after.kinds[0].colour
        assert held.sentence in half.sentence or held.sentence.removeprefix("but ") in half.sentence
        assert "already" in half.reasoning
