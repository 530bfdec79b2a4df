"""Records that somebody handed on: the place of what is of another kind is named."""

from __future__ import annotations

from typing import Any

import pytest

from likebut.pipeline.records.shapes import STEP, TRACE, check
from likebut.pipeline.records.trace import Hit, Query, Ranking, Trace
from likebut.pipeline.records.traces import trace_to_json


def test_a_record_of_ours_fits_and_what_is_missing_is_fine() -> None:
    trace = Trace(Query("1", None, "a", row=3), ranking=Ranking((Hit(1, 0, "a", "", 1, {"x": 0.5}),)))
    check(trace_to_json(trace), TRACE)
    check({}, TRACE)
    check({"values": {"reference": 1, "caption": "a", "desired": ["b"]}, "new": object()}, STEP)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ([], "it is a list"),
        ({"ranking": {"hits": [{"id": 3}]}}, r"ranking\.hits\[0\]\.id is a int"),
        ({"ranking": {"hits": [{"shares": {"x": "y"}}]}}, r"shares\.x is a str"),
        ({"ranking": {"hits": {}}}, "ranking.hits is a dict"),
        ({"seconds": None}, "seconds is nothing"),
        ({"warnings": [None]}, r"warnings\[0\] is nothing"),
        ({"query": {"row": True}}, "query.row is a bool"),
        ({"intent": {"desired": [1]}}, r"intent\.desired\[0\] is a int"),
    ],
)
def test_what_is_of_another_kind_is_named(record: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check(record, TRACE)
