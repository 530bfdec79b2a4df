"""What tells hits apart: information gained by an answer, worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.records.separating import gain, likelihoods, separating, things, with_article

EVEN = [0.25] * 4


@pytest.mark.parametrize(
    ("shares", "shown", "bits"),
    [
        (EVEN, [True, True, False, False], 1.0),
        (EVEN, [True, False, False, False], 2 - 0.75 * math.log2(3)),
        (EVEN, [True] * 4, 0.0),
        (EVEN, [False] * 4, 0.0),
        ([0.5, 0.25, 0.25], [True, False, False], 1.0),
    ],
)
def test_an_answer_is_worth_the_entropy_of_the_share_that_shows_it(
    shares: list[float], shown: list[bool], bits: float
) -> None:
    assert gain(shares, shown) == pytest.approx(bits, abs=1e-12)


@given(st.lists(st.tuples(st.floats(0.01, 9), st.booleans()), min_size=1, max_size=12))
def test_a_gain_is_a_bit_at_most_and_the_same_for_its_opposite(hits: list[tuple[float, bool]]) -> None:
    total = sum(weight for weight, _ in hits)
    shares, shown = [weight / total for weight, _ in hits], [yes for _, yes in hits]
    assert 0 <= gain(shares, shown) <= 1
    assert gain(shares, shown) == pytest.approx(gain(shares, [not yes for yes in shown]), abs=1e-9)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=12))
def test_likelihoods_add_up_and_fall_with_the_score(scores: list[float]) -> None:
    shares = likelihoods(scores)
    assert sum(shares) == pytest.approx(1)
    assert max(shares) == shares[scores.index(max(scores))]


def test_things_are_phrases_and_their_heads_each_once() -> None:
    found = things(["a red car and two dogs", "a blue car", "a dog"])
    assert found == {
        "red car": [True, False, False],
        "car": [True, True, False],
        "two dogs": [True, False, False],
        "dogs": [True, False, True],
        "blue car": [False, True, False],
    }


@pytest.mark.parametrize(
    ("caption", "named"),
    [
        ("a man dressed in white", ["man"]),
        ("the dog is white", ["dog"]),
        ("an orange on a plate", ["orange", "plate"]),
        ("a view out of a window", ["window"]),
        ("a dog running away", ["dog"]),
        ("covered in snow", ["snow"]),
        ("white", []),
    ],
)
def test_what_names_no_thing_is_not_asked_about(caption: str, named: list[str]) -> None:
    assert list(things([caption])) == named


def test_the_best_split_is_asked_about_and_what_is_settled_is_not() -> None:
    captions = ["a red car", "a car and a dog", "a car and a dog", "a blue car"]
    assert separating(captions, EVEN) == ("dog", 1.0)
    assert separating(captions, EVEN, ["without the dogs"])[0] == "red car"


@pytest.mark.parametrize(
    ("name", "worded"),
    [
        ("red car", "a red car"),
        ("car", "a car"),
        ("old car", "an old car"),
        ("orange", "an orange"),
        ("beach", "the beach"),
        ("two dogs", "two dogs"),
        ("dogs", "dogs"),
        ("snow", "snow"),
        ("boat", "boat"),
    ],
)
def test_a_phrase_has_the_article_that_its_caption_gives_it(name: str, worded: str) -> None:
    captions = ["A red car at the beach, two dogs in snow", "Red car, an old car with a ripe orange"]
    assert with_article(name, captions) == worded


def test_nothing_is_asked_where_all_show_the_same() -> None:
    assert separating(["a car", "a car"], [0.5, 0.5]) == ("", 0.0)
