"""Sentences of a dialogue before a query: understood one after the other, whole batches at a time."""

from __future__ import annotations

import json
from pathlib import Path

from likebut.pipeline.records.trace import Query, Said, Trace
from likebut.pipeline.stages.composer import Composer
from tests.pipeline.colours import colour_composer


def reply(target: str, **lists: list[str]) -> str:
    return json.dumps(
        {
            "reasoning": "",
            "target_caption": target,
            "desired": [],
            "preserved": [],
            "forbidden": [],
            **lists,
        }
    )


# The reasoner understands a sentence by the caption that it changes.
SCRIPT = (
    (
        r"Caption: a square of one colour\nModification: make it green",
        reply("a green square", forbidden=["red"]),
    ),
    (r"Caption: a green square\nModification: and now blue", reply("a blue square")),
    (r"Caption: a blue square\nModification: and larger", reply("a large blue square")),
    (r"Caption: a square of one colour\nModification: make it blue", reply("a blue square")),
)


def query(tmp_path: Path, *sentences: str, ident: str = "q") -> Query:
    *before, last = sentences
    history = tuple(map(Said, before))
    return Query(ident, tmp_path / "gallery" / "red.png", last, history=history)


def asked(composer: Composer, *queries: Query) -> list[Trace]:
    return composer.compose(list(queries), 3)


def test_every_sentence_changes_what_the_one_before_it_wanted(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, *SCRIPT)
    (trace,) = asked(composer, query(tmp_path, "make it green", "and now blue", "and larger"))
    assert not trace.error
    assert [said.target_caption for said in trace.query.history] == ["a green square", "a blue square"]
    assert trace.description.caption == "a blue square"
    assert trace.intent.target_caption == "a large blue square"
    assert [exchange.stage for exchange in trace.exchanges] == ["describe", "reason", "reason", "reason"]


def test_what_an_earlier_sentence_forbade_holds_in_the_last_one(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, *SCRIPT)
    (trace,) = asked(composer, query(tmp_path, "make it green", "and now blue", "and larger"))
    assert trace.intent.of("forbidden") == ("red",)


def test_queries_of_one_batch_may_have_said_more_or_less(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, *SCRIPT)
    found = asked(
        composer,
        query(tmp_path, "make it blue", ident="a"),
        query(tmp_path, "make it green", "and now blue", ident="b"),
        query(tmp_path, "make it blue", "and larger", ident="c"),
    )
    assert [trace.intent.target_caption for trace in found] == [
        "a blue square",
        "a blue square",
        "a large blue square",
    ]


def test_a_turn_that_nobody_understands_is_named_and_stops_no_other_query(tmp_path: Path) -> None:
    lost = Query("a", tmp_path / "none.png", "and now blue", history=(Said("make it green"),))
    good = query(tmp_path, "make it green", "and now blue", ident="b")
    first, second = asked(colour_composer(tmp_path, *SCRIPT), lost, good)
    assert "the reference cannot be used" in first.error
    assert second.intent.target_caption == "a blue square"


def test_a_history_that_is_understood_is_not_asked_about(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, *SCRIPT)
    known = Query(
        "q", tmp_path / "gallery" / "red.png", "make it blue", history=(Said("x", "a green square"),)
    )
    (trace,) = asked(composer, known)
    assert [exchange.stage for exchange in trace.exchanges] == ["describe", "reason"]
    assert trace.description.caption == "a square of one colour"


def test_a_dialogue_may_begin_with_words_alone(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, *SCRIPT)
    spoken = Query("q", None, "and now blue", history=(Said("a green square"),))
    (trace,) = asked(composer, spoken)
    assert trace.query.history[0].target_caption == "a green square"
    assert trace.intent.target_caption == "a blue square"
    assert Path(trace.ranking.hits[0].path).stem == "blue"
