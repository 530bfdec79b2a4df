"""A session: but, pick, more, less, weigh, change, undo, and one file that holds all of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError, InputError
from likebut.pipeline.stages.composer import Composer
from likebut.pipeline.stages.conversation import Session
from tests.pipeline.colours import colour_composer
from tests.pipeline.stages.test_earlier import reply

SCRIPT = (
    (
        r"Caption: a square of one colour\nModification: make it green",
        reply("a green square", forbidden=["red"]),
    ),
    (r"Caption: a green square\nModification: and now blue", reply("a blue square", preserved=["square"])),
    (r"Caption: a square of one colour\nModification: and now blue", reply("a blue square")),
    (r"Modification: say nothing", "no JSON at all"),
)


def begun(tmp_path: Path, **given: object) -> Session:
    composer = colour_composer(tmp_path, *SCRIPT)
    return composer.start(tmp_path / "gallery" / "red.png", k=3)


def names(session: Session) -> list[str]:
    return [Path(hit.path).stem for hit in session.hits]


def questions(session: Session) -> int:
    assert session.trace
    return len(session.trace.exchanges)


def test_a_picture_alone_asks_no_model_and_finds_what_is_like_it(tmp_path: Path) -> None:
    session = begun(tmp_path)
    assert names(session)[0] == "grey"
    assert questions(session) == 0
    assert session.weights == {"reference": 0.1}


def test_a_sentence_changes_what_the_last_one_wanted(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.but("make it green")
    assert names(session)[0] == "green"
    trace = session.but("and  now blue")
    assert names(session)[0] == "blue"
    assert trace.query.modification == "and now blue"
    assert [said.target_caption for said in trace.query.history] == ["a green square"]
    assert trace.intent.of("forbidden") == ("red",)
    assert questions(session) == 1


def test_a_hit_that_is_picked_is_the_next_reference(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.but("make it green")
    assert session.pick(1).id == "green.png"
    trace = session.but("and now blue")
    assert trace.query.reference
    assert trace.query.reference.name == "green.png"
    assert trace.description.caption == "a square of one colour"
    assert [said.modification for said in trace.query.history] == ["make it green"]
    assert session.dialogue.picked == ""


def test_going_back_costs_nothing_and_another_way_may_be_tried(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.but("make it green")
    first = session.trace
    session.but("and now blue")
    assert session.undo() is first
    session.less("green.png")
    assert [turn.parent for turn in session.dialogue.turns] == [-1, 0, 1, 1]
    assert session.dialogue.path == (0, 1, 3)
    session.go(2)
    assert names(session)[0] == "blue"
    session.go(-1)
    assert (session.trace, session.hits, session.weights) == (None, (), {})
    assert session.undo() is None


def test_the_last_word_about_a_hit_counts(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.but("make it green")
    trace = session.more("blue.png", 1)
    assert trace.query.liked == ("blue.png", "green.png")
    trace = session.less("blue.png")
    assert (trace.query.liked, trace.query.disliked) == (("green.png",), ("blue.png",))
    assert "blue" not in names(session)
    assert session.but("and now blue").query.disliked == ("blue.png",)


def test_weights_of_roles_and_of_single_grains_hold_from_here_on(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.but("make it green")
    session.weigh({"forbidden:red": 0.75}, target_caption=0.5)
    assert session.weights["forbidden:red"] == 0.75
    assert session.weights["target_caption"] == 0.5
    session.but("and now blue")
    assert session.weights["forbidden:red"] == 0.75
    assert session.weights["target_caption"] == 0.5
    session.undo()
    session.undo()
    assert session.weights["target_caption"] == 1.0


def test_another_word_is_used_without_a_model(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.but("make it green")
    asked = questions(session)
    session.change(target_caption="a blue square", forbidden=["green"])
    assert names(session)[0] == "blue"
    assert session.trace
    assert session.trace.intent.of("forbidden") == ("green",)
    assert questions(session) in (0, asked)


def test_a_turn_that_fails_is_no_part_of_the_dialogue(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.but("make it green")
    (tmp_path / "gallery" / "red.png").unlink()
    before = session.dialogue
    failed = session.but("and now blue")
    assert "the reference cannot be used" in failed.error
    assert session.dialogue == before


@pytest.mark.parametrize(
    ("wrong", "kind", "words"),
    [
        (lambda s: s.but("  "), InputError, "the sentence is empty"),
        (lambda s: s.pick(9), InputError, "no hit 9"),
        (lambda s: s.more("pink.png"), InputError, "no hit pink.png"),
        (lambda s: s.go(7), InputError, "no turn 8"),
        (lambda s: s.weigh(tarjet_caption=1), ConfigError, "tarjet_caption"),
        (lambda s: s.weigh({"forbidden:pink": 1}), ConfigError, "no grain 'forbidden:pink'"),
        (lambda s: s.change(targets="x"), ConfigError, "no field 'targets'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(tmp_path: Path, wrong, kind, words) -> None:  # type: ignore[no-untyped-def]
    session = begun(tmp_path)
    before = session.dialogue
    with pytest.raises(kind, match=words):
        wrong(session)
    assert session.dialogue == before


def test_nothing_can_be_marked_before_something_was_said(tmp_path: Path) -> None:
    session = colour_composer(tmp_path, *SCRIPT).start()
    for wrong in (lambda: session.weigh(reference=1), lambda: session.change(caption="x")):
        with pytest.raises(InputError, match="nothing was said yet"):
            wrong()
    with pytest.raises(InputError, match="the reference cannot be used"):
        session.composer.start(tmp_path / "none.png")


def test_a_session_is_one_file_that_goes_on_where_it_was(tmp_path: Path) -> None:
    session = begun(tmp_path)
    session.but("make it green")
    session.more("blue.png")
    session.pick("green.png")
    session.save(tmp_path / "s.json")
    again = Session.load(tmp_path / "s.json", session.composer, k=3)
    assert names(again) == names(session)
    assert again.dialogue.picked == "green.png"
    assert [turn.step for turn in again.dialogue.turns] == [turn.step for turn in session.dialogue.turns]
    again.weigh({"liked:blue.png": 3.0})  # its grains are made anew: a file holds no vectors
    assert names(again)[0] == "blue"
    assert again.but("and now blue").query.history == session.but("and now blue").query.history


def test_a_picture_that_is_no_file_travels_in_the_file(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, *SCRIPT)
    shown = Image.open(tmp_path / "gallery" / "red.png")
    session = composer.start(shown, k=3)
    session.save(tmp_path / "s.json")
    record = json.loads((tmp_path / "s.json").read_text())
    (path,) = record["pictures"]
    elsewhere = (tmp_path / "s.json").read_text().replace(path, "/nowhere/picture.png")
    (tmp_path / "s.json").write_text(elsewhere)
    again = Session.load(tmp_path / "s.json", composer, k=3)
    assert again.trace
    assert again.trace.query.reference
    assert Image.open(again.trace.query.reference).getpixel((0, 0)) == (255, 0, 0)
    again.weigh(reference=1.0)
    assert names(again) == names(session)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"kind": "dialogue"}',
        '{"kind":"dialogue","schema_version":99,"at":0,"picked":"","turns":[]}',
        '{"kind":"dialogue","schema_version":1,"at":4,"picked":"","turns":[]}',
        '{"kind":"dialogue","schema_version":1,"at":0,"picked":"","turns":[{"parent":3,"step":{"do":"but"}}]}',
        '{"kind":"dialogue","schema_version":1,"at":0,"picked":"","turns":[{"parent":-1,"step":{"do":"rm"}}]}',
    ],
)
def test_a_file_that_holds_no_dialogue_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(InputError, match="holds no dialogue"):
        Session.load(tmp_path / "s.json", colour_composer(tmp_path, *SCRIPT))


def replaying(tmp_path: Path) -> tuple[Session, Composer]:
    session = begun(tmp_path)
    session.but("make it green")
    session.weigh(target_caption=0.5)
    session.undo()
    session.pick("green.png")
    session.but("and now blue")
    session.undo()
    return session, session.composer


def test_the_same_steps_give_the_same_dialogue(tmp_path: Path) -> None:
    session, composer = replaying(tmp_path)
    again = session.replayed(composer)
    assert [turn.parent for turn in again.dialogue.turns] == [-1, 0, 1, 1]
    assert again.dialogue.at == session.dialogue.at == 1
    for one, other in zip(session.dialogue.turns, again.dialogue.turns, strict=True):
        assert one.step == other.step
        assert one.trace.ranking == other.trace.ranking


def test_steps_may_be_taken_with_another_recipe(tmp_path: Path) -> None:
    session, composer = replaying(tmp_path)
    other = Composer(**{**vars(composer), "recipe": load_recipe("text-only")})
    again = session.replayed(other)
    assert [turn.trace.recipe for turn in again.dialogue.turns] == ["text-only"] * 4


def test_every_step_has_words_for_a_list_of_turns(tmp_path: Path) -> None:
    session, _ = replaying(tmp_path)
    session.less("blue.png")
    session.change(forbidden=["a dog", "a cat"])
    assert [turn.step.words for turn in session.dialogue.turns] == [
        "pictures like it",
        "make it green",
        "weights: target_caption 0.5",
        "from green.png: and now blue",
        "less like blue.png",
        "changed: forbidden a dog; a cat",
    ]
