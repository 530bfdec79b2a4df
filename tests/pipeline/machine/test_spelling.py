"""Paths: one spelling for programs, the typed one for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline.machine.spelling import as_typed, whole, whole_if_there


def test_a_picture_has_one_spelling_through_links_dots_and_slashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pets"
    folder.mkdir()
    (folder / "cat.png").touch()
    (tmp_path / "link").symlink_to(folder)
    (folder / "tom.png").symlink_to(folder / "cat.png")
    monkeypatch.chdir(folder)
    spellings = ["cat.png", "./cat.png", "../link/cat.png", f"{tmp_path}//pets/cat.png"]
    assert {whole(name) for name in spellings} == {str(folder / "cat.png")}
    assert whole("../link/tom.png") == str(folder / "tom.png")
    assert whole("") == ""


def test_the_id_of_an_item_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert whole_if_there(Path("B00123")) == "B00123"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (Path("pets"), "pets/a/cat.png"),
        (Path("."), "pets/a/cat.png"),
        (Path("other"), "{}/pets/a/cat.png"),
        (Path("pet"), "{}/pets/a/cat.png"),
        ([Path("other"), Path("../x/pets")], "../x/pets/a/cat.png"),
        (None, "{}/pets/a/cat.png"),
    ],
)
def test_people_see_the_folder_that_they_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Path | list[Path] | None, shown: str
) -> None:
    place = tmp_path / "x"
    (place / "pets").mkdir(parents=True)
    monkeypatch.chdir(place)
    assert as_typed(str(place / "pets" / "a" / "cat.png"), typed) == shown.format(place)


def test_the_root_folder_is_a_gallery_too() -> None:
    assert as_typed("/a.png", Path("/")) == "/a.png"
