"""Addresses of Milvus: what they mean, and what is none."""

from pathlib import Path

import pytest

from likebut.indexes.errors import GalleryError
from likebut.indexes.milvus.address import is_address, name_of, read_address
from tests.indexes.milvus.conftest import random_rows, write


def test_a_server_has_a_usual_port_a_collection_and_a_gallery() -> None:
    address = read_address("milvus://db.example/photos/y2024?consistency=Strong&secure=true")
    assert address.uri == "https://db.example:19530"
    assert (address.collection, address.gallery, address.consistency) == ("photos", "y2024", "Strong")


def test_a_file_of_milvus_lite_ends_with_db() -> None:
    address = read_address("some/photos.db/pets")
    assert (address.uri, address.lite, address.collection) == ("some/photos.db", True, "pets")
    assert read_address("photos.db").collection == "likebut"


@pytest.mark.parametrize(
    "text",
    [
        "milvus://host:1/a/b?consistency=Strong&index=HNSW&secure=true&database=x",
        "milvus://host:1/a",
        "x/y.db/a/b",
        "y.db/a?consistency=Session",
    ],
)
def test_an_address_is_written_as_it_is_read(text: str) -> None:
    assert str(read_address(text)) == text


def test_a_path_that_lost_a_slash_is_the_same_address() -> None:
    text = "milvus://host:1/a/b?consistency=Strong"
    assert read_address(Path(text)) == read_address(text)
    assert is_address(Path(text))


def test_the_folder_of_an_index_is_no_address_whatever_it_is_called(tmp_path: Path) -> None:
    assert is_address(tmp_path / "new.db")
    write(tmp_path / "old.db", random_rows(2, 4))
    assert not is_address(tmp_path / "old.db")
    assert not is_address("pictures.index")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("milvus://", "no address"),
        ("milvus://user:secret@host/a", "no password"),
        ("milvus://host/a/b/c", "more than a collection"),
        ("milvus://host/a-b", "no name"),
        ("milvus://host/a__about", "no name"),
        ("milvus://host/a?consistency=strong", "Strong, Bounded"),
        ("milvus://host/a?consistancy=Strong", "no option"),
        ("milvus://host/a?secure=1", "neither true nor false"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_without_a_secret(text: str, words: str) -> None:
    with pytest.raises(GalleryError) as told:
        read_address(text)
    assert words in f"{told.value.message} {told.value.hint}"
    assert "secret" not in f"{told.value.message} {told.value.hint}"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("pets.index", "pets"),
        ("/a/Holiday 2024/.likebut", "Holiday_2024"),
        ("2024.index", "g_2024"),
        ("__.index", "gallery"),
    ],
)
def test_a_gallery_is_called_as_its_folder(folder: str, name: str) -> None:
    assert name_of(Path(folder)) == name
