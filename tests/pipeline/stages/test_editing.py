"""A query's understanding as text, changed and run on from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.roles import ELEMENTS
from likebut.pipeline.records.trace import Description, Hit, Intent, Query, Ranking, Trace
from likebut.pipeline.stages.editing import (
    Move,
    Understood,
    differences,
    moves,
    read_text,
    resumed,
    resumed_now,
    resumed_with,
    to_text,
)
from tests.pipeline.colours import REPLY, colour_composer

LISTS = {"desired": ("blue",), "preserved": ("square",), "forbidden": ("red", "pink")}
SEEN = Understood("a red square", "a blue square", LISTS)
_TEXT = st.text(st.characters(codec="utf-8"), max_size=20).map(lambda text: " ".join(text.split()))
_LIST = st.lists(_TEXT.filter(bool), max_size=4).map(tuple)


_NAMES = st.sampled_from([*ELEMENTS, "relations", "a b", "ü"])


@given(st.builds(Understood, _TEXT, _TEXT, st.dictionaries(_NAMES, _LIST)))
def test_a_text_that_is_saved_as_it_is_changes_nothing(understood: Understood) -> None:
    assert read_text(to_text(understood, ["about"]), understood) == understood


def test_a_change_in_the_text_is_read() -> None:
    text = to_text(SEEN).replace('"pink"', '" a  rose "').replace("a blue square", "two blue squares")
    after = read_text(text, SEEN)
    assert (after.elements["forbidden"], after.target_caption) == (("red", "a rose"), "two blue squares")
    assert list(differences(SEEN, after)) == [
        ("target_caption", "a blue square", "two blue squares"),
        ("forbidden", "red; pink", "red; a rose"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "words", "hint"),
    [
        ("forbidden =", "forbiden =", "no field 'forbiden'", "'forbidden'"),
        ('caption = "a red square"', "caption = a red square", "not valid TOML", ""),
        ('caption = "a red square"', "", "caption is gone", 'caption = ""'),
        ('caption = "a red square"', 'caption = ["a"]', "caption must be a text", ""),
        ('"pink"', "7", "forbidden must be a list of texts", ""),
    ],
)
def test_a_fault_in_the_text_is_named(old: str, new: str, words: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_text(to_text(SEEN).replace(old, new, 1), SEEN)
    assert hint in caught.value.hint


def hit(rank: int, name: str) -> Hit:
    return Hit(rank, 0, name, f"{name}.png", 1.0 / rank)


def test_moves_tell_from_where_a_picture_came_and_which_fell_out() -> None:
    before = Ranking(tuple(hit(n, name) for n, name in enumerate("abcde", 1)))
    after = Ranking(tuple(hit(n, name) for n, name in enumerate("dxaeb", 1)))
    found = moves(before, after, 3)
    assert found == [
        Move("d.png", 4, 1),
        Move("x.png", None, 2),
        Move("a.png", 1, 3),
        Move("b.png", 2, 5),
        Move("c.png", 3, None),
    ]
    assert [move.words for move in found] == ["+3", "new", "-2", "-3", "gone"]
    assert Move("a", 2, 2).words == "="


def test_a_changed_list_is_used_without_the_reasoner(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, (".", REPLY))
    query = Query("q", tmp_path / "gallery" / "red.png", "make it blue")
    before = composer.compose([query], 4)[0]
    seen = Understood.of(before)
    after_seen = seen.changed({"target_caption": "a green square", "desired": ["green"]})
    after = composer.compose([resumed(before, after_seen)], 4)[0]
    assert after.exchanges == ()
    assert after.description == before.description
    assert after.intent.of("preserved") == before.intent.of("preserved")
    assert [Path(h.path).stem for h in (before.ranking.hits[0], after.ranking.hits[0])] == ["blue", "green"]


def test_a_changed_caption_alone_is_asked_about_again(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, ("a green thing", REPLY.replace("blue", "green")), (".", REPLY))
    query = Query("q", tmp_path / "gallery" / "red.png", "as it is")
    before = composer.compose([query], 4)[0]
    seen = Understood.of(before)
    changed = seen.changed({"caption": "a green thing"})
    after = composer.compose([resumed(before, changed)], 4)[0]
    assert after.description.captions == ("a green thing",)
    assert after.intent.target_caption == "a green square"


@pytest.mark.parametrize("recipe", ["likebut", "ldre", "cotmr"])
def test_the_same_understanding_gives_the_same_ranking_without_a_model(tmp_path: Path, recipe: str) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe(recipe))
    query = Query("q", tmp_path / "gallery" / "red.png", "make it blue")
    before = composer.compose([query], 4)[0]
    seen = Understood.of(before)
    after = composer.compose([resumed(before, seen)], 4)[0]
    assert after.ranking == before.ranking
    assert after.intent == before.intent
    assert after.exchanges == ()


def test_a_changed_target_stands_for_all_rewrites() -> None:
    intent, description = Intent("a", rewrites=("a", "b")), Description(("c", "d"))
    before = Trace(Query("q", None, "x"), description=description, intent=intent)
    seen = Understood.of(before)
    same = resumed(before, seen.changed({"desired": ["x"]}))
    assert (same.intent.rewrites, same.description.captions) == (("a", "b"), ("c", "d"))
    other = resumed(before, seen.changed({"target_caption": "z"}))
    assert (other.intent.rewrites, other.intent.target_caption) == ((), "z")


def test_the_mean_of_samples_stays_until_the_target_caption_is_changed() -> None:
    told, intent = (
        Description(("a red square",)),
        Intent("a", elements={"desired": ("x",)}, samples=("a", "b")),
    )
    before = Trace(Query("q", None, "x"), description=told, intent=intent)
    seen = Understood.of(before)
    fewer = seen.changed({"desired": []})
    other = seen.changed({"target_caption": "c"})
    assert resumed(before, seen).intent.samples == ("a", "b")
    assert resumed(before, fewer).intent.samples == ("a", "b")
    assert resumed(before, other).intent.samples == ()


EDITS: list[dict[str, object]] = [
    {"target_caption": "a green square"},
    {"desired": ["green"]},
    {"forbidden": []},
    {"caption": "a green square"},
    {"caption": "a green square", "forbidden": ["blue"]},
    {"target_caption": "red", "desired": [], "preserved": ["green"], "forbidden": ["blue"]},
]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("recipe", ["likebut", "cirevl", "soft", "image-only"])
def test_one_edit_gives_one_ranking_before_and_after_the_first_answer(
    tmp_path: Path, recipe: str, edit: dict[str, object]
) -> None:
    composer = colour_composer(
        tmp_path,
        ("a green square", REPLY.replace("blue", "grey")),
        (".", REPLY),
        recipe=load_recipe(recipe),
    )
    query = Query("q", tmp_path / "gallery" / "red.png", "make it blue")
    before = composer.compose([query], 4)[0]
    seen = Understood.of(before)
    later = resumed(before, seen.changed(edit))
    at_once = resumed_with(
        composer.recipe, query, edit, lambda query: composer.compose([query], until="reason")[0]
    )
    first, second = composer.compose([at_once, later], 4)
    assert first.ranking == second.ranking


def test_no_model_is_asked_for_what_is_given_or_not_weighed(tmp_path: Path) -> None:
    def asked(recipe: str, **given: object) -> bool:
        return resumed_now(load_recipe(recipe), Query("q", None, "x"), given) is None

    assert not asked("cirevl", target_caption="a")
    assert not asked("text-only", target_caption="a")
    assert not asked("likebut", caption="a")  # the reasoner is asked afterwards, about it
    assert asked("likebut", target_caption="a")
    assert asked("soft", target_caption="a", desired=["b"])
    assert not asked("soft", target_caption="a", desired=["b"], forbidden=[])


def test_an_empty_target_caption_is_no_edit() -> None:
    with pytest.raises(ConfigError, match="target_caption is empty"):
        SEEN.changed({"target_caption": " "})
    assert SEEN.changed({"caption": ""}).caption == ""
