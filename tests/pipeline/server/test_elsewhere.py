"""A gallery in Milvus is served like any other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from likebut import Setup
from likebut.pipeline.cli.serve import galleries_of
from likebut.pipeline.server.galleries import place_of
from tests.pipeline.colours import colour_composer
from tests.pipeline.server.conftest import Site, running

pytest.importorskip("pymilvus", reason="needs pip install 'likebut[milvus]'")
pytest.importorskip("milvus_lite", reason="needs pip install 'likebut[milvus]'")


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    from likebut.indexes.milvus.push import push

    folder = tmp_path_factory.mktemp("there")
    composer = colour_composer(folder)
    push(folder / "index", folder / "colours.db")
    remote = composer.on(folder / "colours.db")

    def opening(setup: Setup, *args: object, **named: object) -> object:
        return remote

    with running(folder, opening=opening) as site:  # type: ignore[arg-type]
        yield site


def test_items_and_their_pictures_are_shown(there: Site) -> None:
    page = there.ask("GET", f"/api/items?gallery={there.gallery}&count=3").json
    assert (page["all"], len(page["items"])) == (4, 3)
    rest = there.ask("GET", f"/api/items?gallery={there.gallery}&skip=3").json["items"]
    names = {item["name"] for item in (*page["items"], *rest)}
    assert names == {"red.png", "green.png", "blue.png", "grey.png"}
    for item in rest:
        assert there.ask("GET", item["picture"]).status == 200
    assert there.ask("GET", f"/api/pictures/{there.gallery}/3?size=320").status == 404


def test_a_sentence_finds_what_it_finds(there: Site) -> None:
    session = there.begin()
    there.step(session, do="start", hit="red.png")
    said = there.step(session, do="but", sentence="a blue square")
    assert said["trace"]["ranking"]["hits"][0]["id"] == "blue.png"


def test_an_address_is_a_place_and_needs_no_folder() -> None:
    (setup,) = galleries_of(Setup(), [Path("milvus://host/photos")])
    place = place_of(setup)
    assert place.name == "photos"
    assert place_of(replace(setup, index="milvus://host:19530/photos")).id == place.id
