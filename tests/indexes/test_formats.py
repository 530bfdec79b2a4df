"""Pictures that need a plugin, or are not read at all, are counted and told."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from likebut.indexes import formats
from likebut.indexes.build import build
from likebut.indexes.decode import load_image, size_of
from likebut.indexes.errors import BadImage, NoImages
from likebut.indexes.maintain import info
from likebut.indexes.scan import scan
from tests.indexes.conftest import MeanColour

MISSING = find_spec("pillow_heif") is None


def test_pictures_of_two_views_are_read(tmp_path: Path) -> None:
    views = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    views[0].save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=views[1:])
    assert build([tmp_path], tmp_path / ".likebut", MeanColour()).items == 1


@pytest.fixture
def no_raw(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As without the package that reads raw files."""
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "rawpy" else find_spec(name))
    formats.optional_suffixes.cache_clear()
    yield
    formats.optional_suffixes.cache_clear()


@pytest.mark.usefixtures("no_raw")
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
        (".nef", "pip install rawpy"),
        (".heic", "pip install pillow-heif"),
        (".txt", ""),
        (".jxl", "pip install pillow-jxl-plugin"),
        ("", ""),
    ],
)
def test_what_to_do_about_a_kind_is_said(ending: str, what: str) -> None:
    said = formats.why_not(ending)
    assert (what in said) if what else said == ""


@pytest.mark.usefixtures("no_raw")
def test_a_gallery_of_nothing_else_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "1.nef").write_text("x")
    with pytest.raises(NoImages, match=r"1 others, such as \.nef files") as caught:
        build([tmp_path], tmp_path / ".likebut", MeanColour())
    assert "export JPEGs" in caught.value.hint


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


@pytest.mark.skipif(find_spec("pillow_jxl") is None, reason="pillow-jxl-plugin is not here")
def test_jpeg_xl_is_read_with_the_plugin(tmp_path: Path) -> None:
    formats.load_plugins()
    Image.new("RGB", (64, 32), (255, 0, 0)).save(tmp_path / "a.jxl", lossless=True)
    assert build([tmp_path], tmp_path / ".likebut", MeanColour()).items == 1
    assert load_image(tmp_path / "a.jxl").getpixel((5, 5)) == (255, 0, 0)
    assert size_of(tmp_path / "a.jxl") == (64, 32)


# Of a directory of a TIFF: where its entries lie, and where what does not fit into four bytes.
_FIRST, _FIRST_MORE, _SECOND, _SECOND_MORE, _PREVIEW = 8, 512, 1024, 1536, 2048
_SENSOR = 64
_KINDS = {1: "B", 3: "H", 4: "I", 5: "I", 10: "i"}


def directory(entries: dict[int, tuple[int, list[int]]], more: int) -> tuple[bytes, bytes]:
    out, extra = struct.pack("<H", len(entries)), b""
    for tag, (kind, values) in sorted(entries.items()):
        data = struct.pack(f"<{len(values)}{_KINDS[kind]}", *values)
        count = len(values) // (2 if kind in (5, 10) else 1)
        if len(data) <= 4:
            out += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
        else:
            out += struct.pack("<HHII", tag, kind, count, more + len(extra))
            extra += data + b"\0" * (len(data) % 2)
    return out + bytes(4), extra


def raw_file(picture: Image.Image, orientation: int) -> bytes:
    """A digital negative (DNG) with black sensor pixels and a JPEG preview."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95)
    jpeg = buffer.getvalue() + b"\0" * (len(buffer.getvalue()) % 2)
    (width, height), sensor = picture.size, bytes(2 * _SENSOR * _SENSOR)
    unit = [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]  # the colour matrix, as fractions
    shown = {
        254: (4, [1]), 256: (4, [width]), 257: (4, [height]), 258: (3, [8, 8, 8]), 259: (3, [7]),
        262: (3, [6]), 273: (4, [_PREVIEW]), 274: (3, [orientation]), 277: (3, [3]), 278: (4, [height]),
        279: (4, [len(jpeg)]), 330: (4, [_SECOND]), 50706: (1, [1, 4, 0, 0]), 50721: (10, unit),
    }  # fmt: skip
    sensed = {
        254: (4, [0]), 256: (4, [_SENSOR]), 257: (4, [_SENSOR]), 258: (3, [16]), 259: (3, [1]),
        262: (3, [32803]), 273: (4, [_PREVIEW + len(jpeg)]), 277: (3, [1]), 278: (4, [_SENSOR]),
        279: (4, [len(sensor)]), 33421: (3, [2, 2]), 33422: (1, [0, 1, 1, 2]),
    }  # fmt: skip
    out = bytearray(_PREVIEW)
    out[:_FIRST] = b"II*\0" + struct.pack("<I", _FIRST)
    for entries, at, more in ((shown, _FIRST, _FIRST_MORE), (sensed, _SECOND, _SECOND_MORE)):
        table, extra = directory(entries, more)
        out[at : at + len(table)], out[more : more + len(extra)] = table, extra
    return bytes(out) + jpeg + sensor


@pytest.mark.skipif(find_spec("rawpy") is None, reason="rawpy is not here")
def test_of_a_raw_file_the_preview_is_taken_upright(tmp_path: Path) -> None:
    wide = Image.new("RGB", (96, 48), (0, 0, 255))
    wide.paste((255, 0, 0), (0, 0, 48, 48))
    (tmp_path / "a.DNG").write_bytes(raw_file(wide, 1))
    (tmp_path / "b.dng").write_bytes(raw_file(wide, 6))  # the camera was turned
    assert build([tmp_path], tmp_path / ".likebut", MeanColour()).items == 2
    upright, turned = load_image(tmp_path / "a.DNG"), load_image(tmp_path / "b.dng")
    assert (upright.size, turned.size) == ((96, 48), (48, 96))
    assert (size_of(tmp_path / "a.DNG"), size_of(tmp_path / "b.dng")) == ((96, 48), (48, 96))
    assert upright.getpixel((10, 24))[0] > 240  # type: ignore[index]
    assert turned.getpixel((24, 10))[0] > 240  # type: ignore[index]


@pytest.mark.skipif(find_spec("rawpy") is None, reason="rawpy is not here")
def test_a_file_that_is_no_raw_one_is_named_and_stops_no_other(gallery: Path, tmp_path: Path) -> None:
    (gallery / "x.nef").write_text("none")
    report = build([gallery], tmp_path / "out", MeanColour())
    assert report.items == 3
    assert [one.reason for one in report.failed] == ["not a raw file that can be read"]
    with pytest.raises(BadImage, match="not a raw file"):
        load_image(gallery / "x.nef")


def test_what_lies_beside_photographs_is_left_out_without_a_word(gallery: Path, tmp_path: Path) -> None:
    names = "one.MOV one.AAE one.xmp one.png.json Thumbs.db .DS_Store one.mp4 desktop.ini"
    for name in names.split():
        (gallery / name).write_bytes(b"x")
    report = build([gallery], tmp_path / "out", MeanColour())
    assert (report.items, report.failed, report.left_out) == (3, (), ())
