"""Scanning: which files are the gallery, under which ids."""

import os

import pytest

from likebut.indexes.errors import GalleryError
from likebut.indexes.scan import scan

ODD = ["a b.png", 'it\'s "it".png', "line\nbreak.png", "🦊.png", "umlaut ä.png"]


def ids(*roots):
    return [found.id for found in scan(roots).files]


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_pictures_are_found_recursively_and_in_the_order_of_their_ids(tmp_path):
    for name in ("b.png", "a/z.JPG", "a/b/c.webp", "notes.txt", ".hidden.png", ".cache/x.png"):
        touch(tmp_path / name)
    assert ids(tmp_path) == ["a/b/c.webp", "a/z.JPG", "b.png"]
    first = scan([tmp_path]).files[0]
    assert (first.path, first.size) == (str(tmp_path / "a/b/c.webp"), 1)


def test_a_single_file_is_taken_whatever_its_suffix(tmp_path):
    assert ids(touch(tmp_path / "upload.tmp")) == ["upload.tmp"]


def test_a_hidden_root_is_meant(tmp_path):
    touch(tmp_path / ".pictures/a.png")
    assert ids(tmp_path / ".pictures") == ["a.png"]


def test_loops_of_links_end_and_linked_folders_are_followed_once(tmp_path):
    touch(tmp_path / "g/real/a.png")
    touch(tmp_path / "elsewhere/b.png")
    (tmp_path / "g/again").symlink_to(tmp_path / "g/real")
    (tmp_path / "g/real/up").symlink_to(tmp_path / "g")
    (tmp_path / "g/other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "g/self").symlink_to("self")
    assert ids(tmp_path / "g") == ["other/b.png", "real/a.png"]


def test_what_cannot_be_read_is_a_named_problem(tmp_path):
    touch(tmp_path / "a.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    found = scan([tmp_path])
    assert [file.id for file in found.files] == ["a.png"]
    assert found.problems == (
        (str(tmp_path / "gone.png"), "no such file or directory"),
        (str(tmp_path / "pipe.png"), "not a regular file"),
    )


def test_a_folder_that_may_not_be_read_is_a_named_problem(tmp_path, monkeypatch):
    touch(tmp_path / "a.png")
    touch(tmp_path / "locked/b.png")
    listing = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = scan([tmp_path])
    assert [file.id for file in found.files] == ["a.png"]
    assert found.problems == ((str(tmp_path / "locked"), "permission denied"),)


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_kept(tmp_path, name):
    touch(tmp_path / name)
    assert ids(tmp_path) == [name]


def test_names_that_are_no_utf8_get_ids_that_are(tmp_path):
    raw = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(raw, "wb") as file:
        file.write(b"x")
    touch(tmp_path / "caf\\xe9.png")
    found = scan([tmp_path]).files
    assert sorted(file.id for file in found) == ["caf\\xe9.png", "caf\\xe9.png~2"]
    assert raw in [os.fsencode(file.path) for file in found]


def test_roots_that_share_an_id_prefix_their_names_and_a_file_counts_once(tmp_path):
    touch(tmp_path / "cats/1.png")
    touch(tmp_path / "dogs/1.png")
    both = ids(tmp_path / "cats", tmp_path / "dogs", tmp_path / "dogs/1.png")
    assert both == ["cats/1.png", "dogs/1.png"]


def test_a_root_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(GalleryError, match=r"no such file or folder: .*none"):
        scan([tmp_path / "none"])
