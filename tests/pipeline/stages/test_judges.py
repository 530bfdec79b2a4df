"""Judges by their answers: orders, pairs, questions with expected answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.config.files import load_recipe, recipe_names
from likebut.pipeline.records.trace import Description, Intent, Query, Trace
from likebut.pipeline.stages.judges import JUDGES, make_judge
from likebut.pipeline.stages.judges.contract import Candidate, Case, Judged
from tests.pipeline.colours import entries

TRACE = Trace(
    Query("q", None, "make it blue"),
    description=Description(("a red square",)),
    intent=Intent("a blue square"),
)
CASE = Case(TRACE, [Candidate(row, f"square {row}") for row in (7, 8, 9)])


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache.sqlite")


def said(cache: Any, judge: str, *replies: dict[str, Any]) -> Judged:
    engine = entries(cache, *replies)
    (judged,) = make_judge(judge)([CASE], prompting.load(JUDGES[judge].prompt), engine)
    return judged


def order(judged: Judged) -> list[int]:
    return sorted(judged.confidence, key=lambda row: -judged.confidence[row])


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([3, 1, 2], [9, 7, 8]),
        ([3], [9, 7, 8]),  # what is left out keeps its order behind
        ([3, 3, 0, 4, 2], [9, 8, 7]),  # doubled and strange numbers count for nothing
    ],
)
def test_a_list_is_an_order(cache: Any, numbers: list[int], expected: list[int]) -> None:
    judged = said(cache, "list", {"match": ".", "reply": json.dumps({"order": numbers})})
    assert order(judged) == expected
    assert len(judged.exchanges) == 1
    assert "(1) square 7 (2) square 8 (3) square 9" in judged.exchanges[0].messages[-1].text


def test_a_list_that_cannot_be_read_says_nothing(cache: Any) -> None:
    assert said(cache, "list", {"match": ".", "reply": "I like them all"}).confidence == {}


def test_a_list_is_asked_turned_round_and_the_mean_place_counts(cache: Any) -> None:
    first = {"match": r"\(1\) square 7", "reply": '{"order": [1, 2, 3]}'}  # 7 8 9
    turned = {"match": r"\(1\) square 9", "reply": '{"order": [2, 1, 3]}'}  # 8 9 7
    judged = said(cache, "list2", first, turned)
    # places from 1 to 1/3: 7 (1 + 1/3)/2, 8 (2/3 + 1)/2, 9 (1/3 + 2/3)/2
    assert judged.confidence == pytest.approx({7: 2 / 3, 8: 5 / 6, 9: 1 / 2})
    assert len(judged.exchanges) == 2


def test_the_first_that_is_accepted_moves_up_and_the_rest_keeps_its_order(cache: Any) -> None:
    yes = {"match": "Candidate: square 8", "chances": {"Yes": 0.6, "No": 0.4}}
    surer = {"match": "Candidate: square 9", "chances": {"Yes": 0.9, "No": 0.1}}
    no = {"match": ".", "chances": {"Yes": 0.1, "No": 0.9}}
    assert order(said(cache, "pair", yes, surer, no)) == [8, 7, 9]


def test_nothing_moves_where_none_is_accepted(cache: Any) -> None:
    assert order(said(cache, "pair", {"match": ".", "chances": {"Yes": 0.2, "No": 0.6}})) == [7, 8, 9]


def test_questions_have_expected_answers_and_their_mean_counts(cache: Any) -> None:
    asked = [{"question": "Is it blue?", "expected": True}, {"question": "Is it red?", "expected": False}]
    judged = said(
        cache,
        "questions",
        {"match": "Wanted: ", "reply": json.dumps({"questions": asked})},
        {"match": "Is it blue.*\nCaption: square 8", "chances": {"Yes": 0.8, "No": 0.2}},
        {"match": "Caption: square 9", "error": "no answer"},
        {"match": ".", "chances": {"Yes": 0.3, "No": 0.7}},
    )
    # 7: (0.3 + 0.7)/2, 8: (0.8 + 0.7)/2, 9 has no answer
    assert judged.confidence == pytest.approx({7: 0.5, 8: 0.75})
    assert len(judged.exchanges) == 1 + 3 * 2


def test_fitting_answers_are_counted_however_sure_they_are(cache: Any) -> None:
    asked = [{"question": "Is it blue?", "expected": True}, {"question": "Is it red?", "expected": False}]
    judged = said(
        cache,
        "fitting",
        {"match": "Wanted: ", "reply": json.dumps({"questions": asked})},
        {"match": "Is it blue.*\nCaption: square 8", "chances": {"Yes": 0.51, "No": 0.49}},
        {"match": "Is it red.*\nCaption: square 9", "chances": {"Yes": 0.9, "No": 0.1}},
        {"match": ".", "chances": {"Yes": 0.3, "No": 0.7}},
    )
    # Is it red? is answered as expected about 7 and 8, Is it blue? about 8 alone.
    assert judged.confidence == {7: 0.5, 8: 1.0, 9: 0.0}


def test_questions_that_cannot_be_read_leave_all_where_they_are(cache: Any) -> None:
    assert said(cache, "questions", {"match": ".", "reply": "no"}).confidence == {}


@pytest.mark.parametrize("judge", list(JUDGES))
def test_every_judge_counts_its_calls_and_has_prompts(judge: str) -> None:
    kind = JUDGES[judge]
    assert kind.calls(10) > 0
    for name in (kind.prompt, kind.seeing):
        prompting.load(name)


def test_every_recipe_names_a_judge_that_is_there() -> None:
    for name in recipe_names():
        assert all(stage.judge in JUDGES for stage in load_recipe(name).rerank)
        assert Path(name).name == name
