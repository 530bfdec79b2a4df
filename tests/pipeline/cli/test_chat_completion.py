"""What the line editor of `chat` offers, and how the words of its lines are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline.cli.chat_commands import KINDS
from likebut.pipeline.cli.chat_completion import offers, place_typed
from likebut.pipeline.cli.chat_reading import command_of, dropped, hits_and_place, weights_named
from likebut.pipeline.stages.conversation import Session
from tests.pipeline.colours import colour_composer
from tests.pipeline.stages.test_conversation import SCRIPT


@pytest.fixture
def session(tmp_path: Path) -> Session:
    found = colour_composer(tmp_path, *SCRIPT).start(tmp_path / "gallery" / "red.png", k=3)
    found.but("make it green")
    return found


def offered(line: str, session: Session) -> list[str]:
    """The lines that a person may choose from."""
    return [line[: len(line) - one.typed] + one.text for one in offers(line, session, KINDS)]


def test_commands_are_offered_by_their_beginning_and_sentences_get_nothing(session: Session) -> None:
    assert offered(":un", session) == [":undo", ":unpick"]
    assert len(offered(":", session)) == len(KINDS)
    for line in ("", "at ni", "in winter :un", ":quit ", ":nothing x"):
        assert offered(line, session) == []


def test_names_of_grains_are_offered_one_after_the_other(session: Session) -> None:
    assert offered(":weight forb", session) == [":weight forbidden:red=", ":weight forbidden="]
    assert offered(":weight target_caption=0.5 for", session) == [
        ":weight target_caption=0.5 forbidden:red=",
        ":weight target_caption=0.5 forbidden=",
    ]
    assert offered(":weight target_caption=0", session) == []
    assert ":weight reference=" in offered(":weight ", session)


def test_elements_fields_lists_turns_and_hits_are_offered_by_name(session: Session) -> None:
    assert offered(":drop r", session) == [":drop red"]
    assert offered(":set tar", session) == [":set target_caption="]
    assert offered(":add ", session) == [":add desired ", ":add preserved ", ":add forbidden "]
    assert offered(":go ", session) == [":go 1", ":go 2"]
    assert offered(":more 1 ", session) == [":more 1 1", ":more 1 2", ":more 1 3"]
    (first,) = (one for one in offers(":pick 1", session, KINDS))
    assert first.about == "green.png"


def test_before_the_first_turn_nothing_is_known_but_commands(session: Session) -> None:
    empty = Session(session.composer)
    for line in (":pick ", ":drop ", ":set ", ":add ", ":go "):
        assert offered(line, empty) == []


def test_paths_go_on_where_files_are_named() -> None:
    assert place_typed(":save ap", KINDS) == "ap"
    assert place_typed(":copy 1 3 my fol", KINDS) == "my fol"
    assert place_typed(":copy ", KINDS) == ""
    assert place_typed(":start ~/Pic", KINDS) == "~/Pic"
    assert place_typed(":pick x", KINDS) is None
    assert place_typed(":sa", KINDS) is None


def test_weights_may_have_names_with_spaces_and_signs() -> None:
    assert weights_named("reference=0.3 forbidden:a red car = -1") == {
        "reference": 0.3,
        "forbidden:a red car": -1.0,
    }
    assert weights_named("liked:a=b.png=2") == {"liked:a=b.png": 2.0}


def test_a_folder_of_copies_stands_behind_the_numbers() -> None:
    assert hits_and_place("1 3 my choice") == ([1, 3], "my choice")
    assert hits_and_place("chosen") == ([], "chosen")
    assert hits_and_place("2 ./2024") == ([2], "./2024")


def test_commands_are_read_leniently() -> None:
    assert command_of(": Undo ") == (":undo", "")
    assert command_of("at :night") == ("", "at :night")


def test_an_element_is_dropped_from_every_list_that_has_it() -> None:
    lists = {"desired": ("a dog", "a cat"), "preserved": ("A dog",), "forbidden": ("dog",)}
    assert dropped("a  DOG", lists) == {"desired": ["a cat"], "preserved": []}
    assert dropped("preserved:a dog", lists) == {"preserved": []}
