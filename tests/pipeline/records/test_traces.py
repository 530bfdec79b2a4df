"""Traces as JSON: what is read back is what was written."""

from __future__ import annotations

from likebut.pipeline.records.shapes import TRACE, check
from likebut.pipeline.records.trace import LightSide, Query, Trace
from likebut.pipeline.records.traces import trace_from_json, trace_to_json


def test_who_encoded_the_texts_is_read_back() -> None:
    trace = Trace(Query("1", None, "at night"), light=LightSide("tiny", 0.876))
    record = trace_to_json(trace)
    assert record["light"] == {"tower": "tiny", "agreement": 0.876}
    check(record, TRACE)
    assert trace_from_json(record).light == trace.light
    assert trace.light
    assert trace.light.words == "by tiny, mapped: 88% of the ten nearest are right"


def test_exact_texts_are_not_spoken_of() -> None:
    record = trace_to_json(Trace(Query("1", None, "at night")))
    assert "light" not in record
    assert trace_from_json(record).light is None
