"""Galleries that are served: opened once a recipe, with the models of the first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from likebut import Setup
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.server.galleries import KEPT, Galleries, Place, place_of
from likebut.pipeline.server.problems import Refused
from tests.pipeline.colours import paint_gallery
from tests.pipeline.server.conftest import opening_colours


def served(tmp_path: Path, **more: Any) -> tuple[Galleries, list[Setup], str]:
    """The galleries, the setups that are opened, and the gallery's id."""
    pictures = tmp_path / "gallery"
    if not pictures.exists():
        paint_gallery(pictures)
    opened: list[Setup] = []
    opening = opening_colours(tmp_path)

    def noted(setup: Setup, *args: Any, **named: Any) -> Any:
        opened.append(setup)
        return opening(setup, *args, **named)

    setup = Setup(recipe="likebut@pocket", folders=(pictures,))
    made = Galleries([setup], setup.budget(), opening=noted, **more)
    return made, opened, next(iter(made.places))


def test_a_recipe_is_opened_once_and_shares_models_and_index(tmp_path: Path) -> None:
    galleries, opened, ident = served(tmp_path)
    first = galleries.get(ident)
    other = galleries.get(ident, "cirevl")
    assert galleries.get(ident, "cirevl") is other
    assert len(opened) == 2
    assert opened[1].index == first.gallery.folder  # and is not brought up to date again
    assert first.captioner is other.captioner
    assert first.reasoner is other.reasoner
    assert first.encoder is other.encoder


def test_what_changes_the_servers_recipe_changes_no_other(tmp_path: Path) -> None:
    galleries, opened, ident = served(tmp_path)
    setup = Setup("likebut@pocket", weights={"reference": 3.0}, folders=(tmp_path,))
    galleries.places[ident] = Place(ident, "gallery", setup)
    galleries.get(ident)
    galleries.get(ident, "text-only")
    assert [dict(setup.weights) for setup in opened] == [{"reference": 3.0}, {}]


NO_RECIPES = ("x.toml", "/etc/passwd.toml", "../likebut", "nothing", "likebut.toml", "@")


@pytest.mark.parametrize("recipe", NO_RECIPES)
def test_a_request_names_no_recipe_file(tmp_path: Path, recipe: str) -> None:
    (tmp_path / "x.toml").write_text('description = "mine"\n[grains]\nmodification = 1.0\n')
    galleries, opened, ident = served(tmp_path)
    galleries.get(ident)
    with pytest.raises(Refused, match="no recipe"):
        galleries.get(ident, recipe)
    assert len(opened) == 1


def test_an_unknown_variant_is_told(tmp_path: Path) -> None:
    galleries, _, ident = served(tmp_path)
    with pytest.raises(ConfigError, match="no variant"):
        galleries.get(ident, "likebut@nothing")


def test_not_all_recipes_are_kept(tmp_path: Path) -> None:
    from likebut.pipeline.config.files import recipe_names

    galleries, opened, ident = served(tmp_path)
    own = galleries.get(ident)
    plain = [name for name in recipe_names() if "caption" not in name]
    tried = []
    for name in plain:
        try:
            galleries.get(ident, name)
            tried.append(name)
        except Exception:
            continue  # needs captions or regions, which the colours have not
        if len(tried) > KEPT:
            break
    before = len(opened)
    assert galleries.get(ident) is own
    galleries.get(ident, tried[-1])
    assert len(opened) == before
    galleries.get(ident, tried[0])
    assert len(opened) == before + 1


def test_a_gallery_keeps_its_id_and_another_of_that_name_has_its_own(tmp_path: Path) -> None:
    one, other = tmp_path / "a" / "My Pictures!", tmp_path / "b" / "My Pictures!"
    ids = [place_of(Setup(folders=(folder,))).id for folder in (one, other, one)]
    assert ids[0] == ids[2] != ids[1]
    assert all(ident.startswith("my-pictures-") for ident in ids)


def test_a_gallery_that_cannot_be_opened_says_so_and_the_server_goes_on(tmp_path: Path) -> None:
    from likebut.pipeline.errors import InputError

    def broken(*args: Any, **named: Any) -> Any:
        raise InputError("the disk is gone", "plug it in")

    heard: list[tuple[str, str]] = []
    setup = Setup(folders=(tmp_path,))
    galleries = Galleries(
        [setup], setup.budget(), opening=broken, on_problem=lambda *said: heard.append(said)
    )
    galleries.open_all()
    assert heard == [("the disk is gone", "plug it in")]
    with pytest.raises(Refused, match="the disk is gone") as told:
        galleries.get(next(iter(galleries.places)))
    assert told.value.status == 503
    assert galleries.busy is None
    assert galleries.warm.is_set()


def test_a_gallery_that_could_not_be_opened_is_tried_again_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from likebut.pipeline.errors import InputError

    opens, tried = opening_colours(tmp_path), []

    def opening(*args: Any, **named: Any) -> Any:
        tried.append(1)
        if len(tried) == 1:
            raise InputError("the disk is gone", "plug it in")
        return opens(*args, **named)

    setup = Setup(folders=(tmp_path,))
    galleries = Galleries([setup], setup.budget(), opening=opening)
    galleries.open_all()
    ident = next(iter(galleries.places))
    with pytest.raises(Refused, match="the disk is gone"):
        galleries.get(ident)
    assert len(tried) == 1
    monkeypatch.setattr("likebut.pipeline.server.galleries.AGAIN", 0.0)
    assert galleries.get(ident).gallery.count == 4
    assert galleries.problems == {}
