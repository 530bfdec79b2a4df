"""Asking back: one question about the first hits, by their captions, with answers that are sentences."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.stages.asking_back import AskedBack, ask_back
from likebut.pipeline.stages.composer import Composer
from likebut.pipeline.stages.conversation import Session
from tests.pipeline.colours import caption_gallery, colour_composer, scripted

WORDED = {"question": "Which colour?", "options": ["it is green", "it is blue", "it is green"]}


def begun(tmp_path: Path, captions: bool = True) -> Session:
    composer: Composer = colour_composer(tmp_path)
    if captions:
        caption_gallery(tmp_path / "index", composer.encoder)
        composer = composer.on(tmp_path / "index")
    session = composer.start(tmp_path / "gallery" / "red.png", k=3)
    session.but("make it blue")
    return session


def asked(session: Session, engine: CachedEngine | None = None) -> AskedBack | None:
    assert session.trace
    return ask_back(session.trace, session.composer.showing, engine)


def test_without_a_model_it_asks_about_what_splits_the_hits(tmp_path: Path) -> None:
    found = asked(begun(tmp_path))
    assert found
    assert found.question.startswith("Should it show ")
    thing = found.question.removeprefix("Should it show ").rstrip("?")
    assert found.options == (f"with {thing}", f"without {thing}")
    assert "blue" not in thing  # it was said


def test_a_reasoner_words_it_and_says_no_answer_twice(tmp_path: Path) -> None:
    engine = scripted(Cache(tmp_path / "c.sqlite"), (r"Hits: \(1\) a ", json.dumps(WORDED)))
    found = asked(begun(tmp_path), engine)
    assert found
    assert (found.question, found.options) == ("Which colour?", ("it is green", "it is blue"))
    assert [exchange.stage for exchange in found.exchanges] == ["ask"]


def test_a_reply_that_cannot_be_used_leaves_the_plain_question(tmp_path: Path) -> None:
    session = begun(tmp_path)
    for number, reply in enumerate(("no JSON", '{"question": "x?", "options": ["one only"]}')):
        engine = scripted(Cache(tmp_path / f"{number}.sqlite"), (".", reply))
        found, plain = asked(session, engine), asked(session)
        assert found
        assert plain
        assert (found.question, found.options) == (plain.question, plain.options)
        assert [exchange.reply.text for exchange in found.exchanges] == [reply]  # it was paid for
        assert plain.exchanges == ()


def test_what_the_target_caption_says_is_settled_and_what_a_fallback_guesses_is_not(tmp_path: Path) -> None:
    session = begun(tmp_path)
    trace, showing = session.trace, session.composer.showing
    assert trace
    before = ask_back(trace, showing)
    assert before
    assert before.options == ("with one colour", "without one colour")  # of "a square of one colour"
    told = replace(trace.intent, target_caption="a green square and a red one of one colour")
    assert ask_back(replace(trace, intent=told), showing) is None
    guessed = replace(told, fallback="no reply")
    assert ask_back(replace(trace, intent=guessed), showing) is not None


def test_hits_that_are_all_alike_are_not_asked_about(tmp_path: Path) -> None:
    assert asked(begun(tmp_path, captions=False)) is None  # the captioner says the same of each


def test_a_session_asks_and_an_answer_is_its_next_turn(tmp_path: Path) -> None:
    session = begun(tmp_path)
    found = session.question()
    assert found
    before = len(session.dialogue.turns)
    session.but(found.options[0])
    assert len(session.dialogue.turns) == before + 1
    assert session.composer.start(k=3).question() is None
