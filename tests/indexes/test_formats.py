"""Pictures that need a plugin, or are not read at all, are counted and told."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from likebut.indexes import formats
from likebut.indexes.build import build
from likebut.indexes.errors import NoImages
from likebut.indexes.maintain import info
from likebut.indexes.scan import scan
from tests.indexes.conftest import MeanColour

MISSING = find_spec("pillow_heif") is None


def test_pictures_of_two_views_are_read(tmp_path: Path) -> None:
    views = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    views[0].save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=views[1:])
    assert build([tmp_path], tmp_path / ".likebut", MeanColour()).items == 1


def test_kinds_that_are_not_read_here_are_counted_by_ending(gallery: Path, tmp_path: Path) -> None:
    for name in ("1.CR2", "2.cr2", "3.dng", "4.xyz", "5.txt", ".6.nef"):
        (gallery / name).write_text("x")
    found = scan([gallery])
    assert found.left_out == ((".cr2", 2), (".dng", 1))
    report = build([gallery], tmp_path / "out", MeanColour())
    assert (report.items, report.left_out, report.news) == (3, found.left_out, True)
    assert info(tmp_path / "out")["left_out"] == {".cr2": 2, ".dng": 1}
    assert not build([gallery], tmp_path / "out", MeanColour()).news
    (gallery / "7.raf").write_text("x")
    again = build([gallery], tmp_path / "out", MeanColour())
    assert (again.news, again.reused) == (True, 3)


@pytest.mark.parametrize(
    ("ending", "what"),
    [
        (".nef", "export them as JPEG"),
        (".heic", "pip install pillow-heif"),
        (".txt", ""),
        (".jxl", "pip install pillow-jxl-plugin"),
        ("", ""),
    ],
)
def test_what_to_do_about_a_kind_is_said(ending: str, what: str) -> None:
    said = formats.why_not(ending)
    assert (what in said) if what else said == ""


def test_a_gallery_of_nothing_else_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "1.nef").write_text("x")
    with pytest.raises(NoImages, match=r"1 others, such as \.nef files") as caught:
        build([tmp_path], tmp_path / ".likebut", MeanColour())
    assert "export them as JPEG" in caught.value.hint


@pytest.mark.skipif(not MISSING, reason="pillow-heif is here")
def test_pictures_of_phones_are_left_out_without_the_plugin(
    gallery: Path, paint: Callable[..., Path]
) -> None:
    paint(gallery / "x.png", (1, 2, 3)).rename(gallery / "x.heic")
    assert scan([gallery]).left_out == ((".heic", 1),)


@pytest.mark.skipif(MISSING, reason="pillow-heif is not here")
def test_pictures_of_phones_are_read_with_the_plugin(tmp_path: Path) -> None:
    formats.load_plugins()
    Image.new("RGB", (64, 64), (255, 0, 0)).save(tmp_path / "a.heic")
    assert build([tmp_path], tmp_path / ".likebut", MeanColour()).items == 1
