"""Likeness of rankings, worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.lab.agreement import jaccard, rank_biased_overlap

RANKING = st.lists(st.sampled_from("abcdefghij"), unique=True)


def test_jaccard_is_what_two_tops_share() -> None:
    assert jaccard("abc", "cbd", 3) == 2 / 4
    assert jaccard("abc", "cbd", 1) == 0
    assert jaccard("", "") == 1


def test_rank_biased_overlap_weighs_the_high_places_more() -> None:
    # shared after 1, 2, 3 places: 0, 1, 3
    # 3/3·0.9³ + 0.1/0.9·(0/1·0.9 + 1/2·0.9² + 3/3·0.9³) = 0.729 + 0.1111·1.134
    assert rank_biased_overlap("abc", "cba") == pytest.approx(0.729 + 1.134 / 9)
    # an equal head is worth more than an equal tail
    assert rank_biased_overlap("abc", "axy") > rank_biased_overlap("abc", "xyc")


@given(RANKING)
def test_a_ranking_agrees_with_itself(ranking: list[str]) -> None:
    assert jaccard(ranking, ranking) == 1
    assert rank_biased_overlap(ranking, ranking) == pytest.approx(1)


@given(RANKING, RANKING)
def test_likeness_lies_between_0_and_1_and_has_no_direction(a: list[str], b: list[str]) -> None:
    for likeness in (jaccard, rank_biased_overlap):
        assert 0 <= likeness(a, b) <= 1 + 1e-12
        assert likeness(a, b) == pytest.approx(likeness(b, a))
    if not set(a) & set(b):
        assert rank_biased_overlap(a, b) == float(not a and not b)
