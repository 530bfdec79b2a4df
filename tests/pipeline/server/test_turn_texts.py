"""The JSON of turns, made once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from likebut.pipeline.records.dialogue import turn_to_json
from likebut.pipeline.records.traces import trace_to_json
from likebut.pipeline.server.turn_texts import TurnText, texts_of
from tests.pipeline.stages.test_asking_back import begun


def test_the_text_of_a_turn_is_its_record_and_holds_the_record_of_its_trace(tmp_path: Path) -> None:
    turn = begun(tmp_path).dialogue.turns[-1]
    text = TurnText(turn)
    assert json.loads(text.text) == json.loads(json.dumps(turn_to_json(turn)))
    assert json.loads(text.trace) == json.loads(json.dumps(trace_to_json(turn.trace)))


def test_a_name_that_is_no_text_comes_through(tmp_path: Path) -> None:
    turn = begun(tmp_path).dialogue.turns[-1]
    odd = replace(turn, step=replace(turn.step, sentence="blue \udcff"))
    assert json.loads(TurnText(odd).text)["step"]["sentence"] == "blue \udcff"
    assert json.loads(TurnText(odd).trace) == json.loads(json.dumps(trace_to_json(turn.trace)))


def test_only_a_new_turn_is_written_anew(tmp_path: Path) -> None:
    turn = begun(tmp_path).dialogue.turns[-1]
    known = texts_of([turn], [])
    again, other = texts_of([turn, replace(turn, parent=0)], known)
    assert again is known[0]
    assert json.loads(other.text)["parent"] == 0
