"""What lives on from turn to turn: preserved and forbidden elements, until they are contradicted."""

from __future__ import annotations

import pytest

from likebut.pipeline.records.phrases import stems
from likebut.pipeline.records.trace import Intent, Said
from likebut.pipeline.stages.carry import carried, contradicted

LISTS = ("preserved", "forbidden")


def before(**elements: tuple[str, ...]) -> tuple[Said, ...]:
    return (Said("without the dog", "a cat on a bench", elements),)


def test_the_first_turn_is_as_it_was_understood() -> None:
    intent = Intent("a cat", "", {"forbidden": ("a dog",)})
    assert carried(intent, (), LISTS) is intent


def test_what_was_forbidden_stays_forbidden_and_comes_after_the_own_elements() -> None:
    intent = Intent("a cat at night", "", {"forbidden": ("sun",)})
    assert carried(intent, before(forbidden=("a dog",)), LISTS).of("forbidden") == ("sun", "a dog")


def test_an_element_that_both_turns_have_is_there_once() -> None:
    intent = Intent("a cat at night", "", {"forbidden": ("a dog",)})
    assert carried(intent, before(forbidden=("a dog", "snow")), LISTS).of("forbidden") == ("a dog", "snow")


def test_only_the_lists_that_are_named_live_on() -> None:
    found = carried(Intent("a cat"), before(desired=("a hat",), preserved=("a bench",)), ("preserved",))
    assert dict(found.elements) == {"preserved": ("a bench",)}


def test_the_last_turn_speaks_for_those_before_it() -> None:
    dropped = Said("with a dog", "a cat and a dog", {})
    assert (
        carried(Intent("a cat and a dog at night"), (*before(forbidden=("a dog",)), dropped), LISTS).of(
            "forbidden"
        )
        == ()
    )


@pytest.mark.parametrize(
    ("text", "name", "intent", "is_so"),
    [
        ("a dog", "forbidden", Intent("a cat and two dogs"), True),
        ("a dog", "forbidden", Intent("a cat", "", {"desired": ("a dog",)}), True),
        ("a red dog", "forbidden", Intent("a cat and a dog"), False),
        ("a dog", "forbidden", Intent("a cat"), False),
        ("a red car", "preserved", Intent("a blue car"), True),
        ("a red car", "preserved", Intent("a red car and a blue car"), False),
        ("a red car", "preserved", Intent("a car at night"), False),
        ("a red car", "preserved", Intent("a street at night"), False),
        ("a red car", "preserved", Intent("a street", "", {"forbidden": ("cars",)}), True),
        ("cars", "preserved", Intent("a street", "", {"forbidden": ("a red car",)}), True),
        ("a tree", "preserved", Intent("a street", "", {"forbidden": ("cars",)}), False),
        ("", "forbidden", Intent("a cat"), False),
    ],
)
def test_an_element_is_contradicted_by_its_words(text: str, name: str, intent: Intent, is_so: bool) -> None:
    assert contradicted(text, name, intent) is is_so


def test_words_are_what_names_something_without_its_ending() -> None:
    assert stems("two large cats on the benches") == {"two", "larg", "cat", "bench"} | stems("benches")
