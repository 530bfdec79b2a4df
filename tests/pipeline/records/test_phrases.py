"""Noun phrases by a small rule: where it is right, and where it is known to be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.records.phrases import SWAPS, named, phrases, stem, swapped


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        (
            "three large white clocks left of one small green star in the desert by day",
            ["three large white clocks", "one small green star", "desert", "day"],
        ),
        (
            "A man in a grey suit is riding an old horse, with a dog sitting on a bench.",
            ["man", "grey suit", "old horse", "dog", "bench"],
        ),
        ("a photo of a building in the evening", ["building", "evening"]),
        ("a man dressed in white looks out of a parked car", ["man", "white", "parked car"]),
        ("a moped parked near a flowerbed", ["moped", "flowerbed"]),
        ("two of them, one by one", []),
        ("a woman's hat", ["woman's hat"]),
        ("", []),
        ("in the, and of 3", []),
        ("a man juggles knives", ["man juggles knives"]),  # a verb in no list is taken for a name
    ],
)
def test_a_caption_is_cut_into_runs_that_name_something(caption: str, found: list[str]) -> None:
    assert [one.text for one in phrases(caption)] == found


def test_the_last_word_of_a_run_is_its_thing() -> None:
    caption = "two small red boats and a red boat at the beach"
    assert named(caption) == ["boats", "boat", "beach"]
    assert named(caption, whole=True) == ["two small red boats", "red boat", "beach"]


def test_a_regular_plural_names_the_same_thing() -> None:
    pairs = [("boats", "boat"), ("boxes", "box"), ("houses", "house"), ("cities", "city")]
    assert all(stem(many) == stem(one) for many, one in pairs)
    assert stem("a large glass") == stem("glasses") == "glass"
    assert stem("bus") == "bus"


def test_attributes_of_two_things_are_exchanged_and_nothing_else() -> None:
    caption = "three large white clocks left of one small green star in the snowy city"
    # "snowy" is no attribute that the clocks might have
    assert swapped(caption) == ("three small green clocks left of one large white star in the snowy city",)


def test_articles_follow_the_words_that_moved() -> None:
    found = swapped("an old man and a tall orange car for an hour")
    assert found == ("a tall orange man and an old car for an hour",)


def test_every_two_of_three_things_are_exchanged() -> None:
    assert swapped("a red cup, a green plate and a blue bowl") == (
        "a green cup, a red plate and a blue bowl",
        "a blue cup, a green plate and a red bowl",
        "a red cup, a blue plate and a green bowl",
    )


def test_a_reply_may_name_pairs_that_no_list_knows() -> None:
    caption = "A sleeping cat beside a barking dog"
    assert swapped(caption) == ()
    pairs = ["a sleeping cat", "barking dog", "barking dog", "green lemon", "  "]
    assert swapped(caption, pairs) == ("A barking cat beside a sleeping dog",)


def test_pairs_that_the_caption_does_not_have_leave_its_own() -> None:
    assert swapped("a red cup and a blue bowl", ["green lemon", "cup"]) == ("a blue cup and a red bowl",)


@pytest.mark.parametrize(
    "caption", ["", "a cat", "a red cup", "a red cup and a bowl", "a red cup and a red bowl"]
)
def test_fewer_than_two_attributes_have_nothing_to_exchange(caption: str) -> None:
    assert swapped(caption) == ()


@given(st.text(max_size=80), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_cut_without_a_fault(caption: str, pairs: list[str]) -> None:
    assert all(one.words for one in phrases(caption))
    assert len(swapped(caption, pairs)) <= SWAPS
    assert caption not in swapped(caption)
