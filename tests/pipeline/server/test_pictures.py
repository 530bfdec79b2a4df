"""Small pictures: upright, bounded in memory, and refused where a file is no picture any more."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from likebut.pipeline.server.pictures import Thumbnails, given, small, type_of
from likebut.pipeline.server.problems import Refused


def test_a_picture_on_its_side_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 40), "red").save(tmp_path / "side.jpg", exif=exif)
    with Image.open(io.BytesIO(small(tmp_path / "side.jpg", 40))) as shown:
        assert (shown.format, shown.size) == ("WEBP", (20, 40))


def test_sizes_are_few() -> None:
    asked = (1, 96, 97, 320, 1280, 4096)
    assert [given("/a.png", size) for size in asked] == [96, 96, 160, 320, 1280, 1280]


def test_only_a_file_of_this_machine_is_given_as_it_is() -> None:
    assert given("/gallery/a.png", 0) == 0
    assert given("s3://bucket/a.png", 0) == 1280
    assert given("video:///gallery/clip.mp4#3of8", 0) == 1280


def test_no_more_is_kept_than_there_is_room_for(tmp_path: Path) -> None:
    kept = Thumbnails(room=3000)
    for number in range(50):
        path = tmp_path / f"{number}.png"
        Image.effect_noise((60, 60), 90).save(path)
        kept.get(path, str(number), 96)
        assert kept.held <= 3000
    assert kept.held == sum(map(len, kept._kept.values()))


def test_what_is_kept_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (9, 9), "red").save(path)
    kept = Thumbnails()
    first = kept.get(path, "red", 96)
    path.unlink()
    assert kept.get(path, "red", 96) is first


def test_a_file_that_is_gone_or_no_picture_any_more_is_not_sent(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_text("<script>alert(1)</script>")
    (tmp_path / "drawing.png").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    for name in ("page.png", "drawing.png"):
        with pytest.raises(Refused) as told:
            type_of(tmp_path / name)
        assert told.value.status == 415
        with pytest.raises(Refused, match="cannot be shown"):
            small(tmp_path / name, 96)
    with pytest.raises(Refused, match="no picture here"):
        type_of(tmp_path / "gone.png")
