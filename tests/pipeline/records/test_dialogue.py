"""Dialogues and queries of them as JSON: nothing is lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.errors import InputError
from likebut.pipeline.records.dialogue import NOWHERE, Dialogue, Step, Turn, from_json, to_json
from likebut.pipeline.records.queries import parse_query
from likebut.pipeline.records.trace import Intent, Query, Said, Trace
from likebut.pipeline.records.traces import trace_from_json, trace_to_json

SAID = Said("at night", "a cat at night", {"forbidden": ("sun",)})


def trace(ident: str = "1", **given: Any) -> Trace:
    return Trace(Query(ident, Path("/p/cat.png"), "with a dog", **given), intent=Intent("a cat and a dog"))


def test_a_query_keeps_what_was_said_and_marked() -> None:
    asked = trace(history=(SAID,), liked=("a.png",), disliked=("b.png",))
    assert trace_from_json(trace_to_json(asked)).query == asked.query


def test_a_query_of_a_row_or_of_a_picture_by_another_name_is_the_same_again() -> None:
    row = Trace(Query("1", None, "with a dog", row=3))
    assert trace_from_json(trace_to_json(row)).query == row.query
    pasted = trace(named="clipboard:")
    assert trace_from_json(trace_to_json(pasted)).query == pasted.query


def dialogue() -> Dialogue:
    first = Turn(Step("start"), trace())
    second = Turn(Step("but", "at night", "a.png"), trace("2"), 0, {"reference": 0.5})
    third = Turn(Step("weigh", values={"reference": 1.0}), trace("3"), 0, {"reference": 1.0})
    return Dialogue((first, second, third), 1, "b.png")


def test_a_dialogue_is_the_same_after_writing_and_reading() -> None:
    again = from_json(to_json(dialogue()))
    assert (again.at, again.picked) == (1, "b.png")
    for one, other in zip(dialogue().turns, again.turns, strict=True):
        assert (one.step, one.parent, one.weights) == (other.step, other.parent, other.weights)
        assert one.trace.query == other.trace.query


def test_the_path_leads_from_the_first_turn_to_the_one_that_is_looked_at() -> None:
    assert dialogue().path == (0, 1)
    assert dialogue().gone(2).path == (0, 2)
    assert dialogue().gone(NOWHERE).path == ()


def test_a_turn_more_is_looked_at_and_nothing_is_picked_in_it() -> None:
    grown = dialogue().grown(Turn(Step("less", hits=("a.png",)), trace("4"), 1))
    assert (grown.at, grown.picked, grown.path) == (3, "", (0, 1, 3))


def test_there_is_no_turn_beyond_the_last() -> None:
    with pytest.raises(InputError, match="no turn 4"):
        dialogue().gone(3)


def test_a_line_of_queries_may_have_a_history(tmp_path: Path) -> None:
    line = '{"reference": "a.png", "modification": "with a dog", "history": ["at night"]}'
    assert parse_query(line, 1, tmp_path, "q").history == (Said("at night"),)


@pytest.mark.parametrize("wrong", ['"at night"', "[1]", '[""]', "{}", '["\\ud800"]'])
def test_a_history_of_anything_else_is_refused(tmp_path: Path, wrong: str) -> None:
    line = f'{{"reference": "a.png", "modification": "x", "history": {wrong}}}'
    with pytest.raises(InputError, match="not a query"):
        parse_query(line, 1, tmp_path, "q")
