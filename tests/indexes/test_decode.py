"""Decoding: any picture file as upright RGB on white, or a short reason why not."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likebut.indexes.decode import decode, load_image, size_of
from likebut.indexes.errors import BadImage


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixel(data, at=(0, 0)):
    image = decode(data, "picture")
    assert image.mode == "RGB"
    return image.getpixel(at)


def test_exif_orientation_is_applied():
    sides = Image.new("RGB", (4, 2), "black")
    sides.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    upright = decode(saved(sides, "PNG", exif=exif), "picture")
    assert upright.size == (2, 4)
    assert upright.getpixel((1, 0)) == (255, 0, 0)


def test_a_damaged_exif_block_turns_nothing(monkeypatch):
    def broken(image):
        raise SyntaxError("not a TIFF file")

    monkeypatch.setattr("PIL.ImageOps.exif_transpose", broken)
    assert pixel(saved(Image.new("RGB", (2, 2), "lime"), "PNG")) == (0, 255, 0)


def test_transparency_lies_on_white():
    assert pixel(saved(Image.new("RGBA", (2, 2), (255, 0, 0, 0)), "PNG")) == (255, 255, 255)
    assert pixel(saved(Image.new("LA", (2, 2), (0, 51)), "PNG")) == (204, 204, 204)
    palette = Image.new("P", (2, 2), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    assert pixel(saved(palette, "PNG")) == (10, 20, 30)
    assert pixel(saved(palette, "GIF", transparency=0)) == (255, 255, 255)


def test_cmyk_is_converted():
    red, green, blue = pixel(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
    assert red > 230
    assert max(green, blue) < 60


def test_wide_grey_levels_become_eight_bits():
    grey = np.array([[0, 257 * 128, 65535]], np.uint16)
    image = decode(saved(Image.fromarray(grey), "PNG"), "picture")
    assert [image.getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]
    wild = Image.fromarray(np.array([[-1.0, 0.0, 1.0]], np.float32))
    image = decode(saved(wild, "TIFF"), "picture")
    assert [image.getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixel(data) == (255, 0, 0) or pixel(data) == (254, 0, 0)


def test_a_large_jpeg_may_be_drafted_but_not_below_the_draft_size():
    data = saved(Image.new("RGB", (640, 480)), "JPEG")
    assert min(decode(data, "picture", draft_size=100).size) == 120
    assert decode(data, "picture").size == (640, 480)
    png = saved(Image.new("RGB", (640, 480)), "PNG")
    assert decode(png, "picture", draft_size=100).size == (640, 480)


@pytest.mark.parametrize("size", [(1, 1), (30_000, 1), (1, 30_000)])
def test_extreme_shapes_are_pictures(size):
    assert decode(saved(Image.new("RGB", size), "PNG"), "picture").size == size


def bomb(width, height):
    """A PNG of a few bytes that claims width x height pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"hello, this is text", "not an image"),
        (bomb(30_000, 30_000), "too many pixels (900 MP; limit 178 MP)"),
        (saved(Image.effect_noise((64, 64), 90), "JPEG")[:900], "truncated"),
    ],
)
def test_what_is_no_usable_picture_says_why_in_a_few_words(data, reason):
    with pytest.raises(BadImage) as caught:
        decode(data, "picture.png")
    assert caught.value.reason == reason
    assert caught.value.message == f"picture.png: {reason}"
    assert caught.value.exit_code == 3


def test_a_limit_of_ones_own_is_kept_and_not_remembered_as_damage():
    with pytest.raises(BadImage, match=r"too many pixels \(1 MP; limit 0 MP\)") as caught:
        decode(saved(Image.new("L", (1000, 1000)), "PNG"), "big", max_pixels=10_000)
    assert not caught.value.lasting


def test_damage_inside_is_named():
    data = bytearray(saved(Image.effect_noise((64, 64), 90), "PNG"))
    data[60:64] = b"\xff\xff\xff\xff"
    with pytest.raises(BadImage, match=r"damaged|truncated"):
        decode(bytes(data), "picture")


def test_too_little_memory_is_no_fault_of_the_file(monkeypatch):
    def full(*_args):
        raise MemoryError

    monkeypatch.setattr("likebut.indexes.decode._to_rgb", full)
    with pytest.raises(BadImage, match="not enough memory") as caught:
        decode(saved(Image.new("RGB", (2, 2)), "PNG"), "picture")
    assert not caught.value.lasting


def test_load_image_reads_a_file_and_names_what_it_cannot(tmp_path, monkeypatch):
    path = tmp_path / "a b.png"
    path.write_bytes(saved(Image.new("RGB", (3, 2), "blue"), "PNG"))
    assert load_image(path).getpixel((0, 0)) == (0, 0, 255)
    with pytest.raises(BadImage, match="no such file"):
        load_image(tmp_path / "none.png")
    monkeypatch.setattr("likebut.indexes.decode.MAX_BYTES", 1)
    with pytest.raises(BadImage, match="too large a file"):
        load_image(path)


@pytest.mark.parametrize(
    ("mode", "level", "grey"),
    [
        ("F", 0.5, 128),
        ("F", 1.0, 255),
        ("F", 200.0, 200),
        ("F", -3.0, 128),
        ("I", 200, 200),
        ("I", 70_000, 128),
    ],
)
def test_a_flat_picture_of_wide_levels_keeps_its_grey(mode, level, grey):
    data = saved(Image.new(mode, (4, 4), level), "TIFF")
    assert pixel(data) == (grey, grey, grey)


def test_a_clear_level_of_sixteen_bits_is_white():
    levels = np.full((4, 4), 1000, np.uint16)
    levels[0, 0] = 40_000
    data = saved(Image.fromarray(levels), "PNG", transparency=1000)
    assert Image.open(io.BytesIO(data)).info["transparency"] == 1000
    assert pixel(data, (1, 1)) == (255, 255, 255)
    assert pixel(data, (0, 0)) == (156, 156, 156)  # 40,000 / 257 = 155.6


def test_the_size_of_a_picture_is_told_upright_from_its_beginning(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)
    (tmp_path / "none.png").write_bytes(b"no picture")
    assert size_of(tmp_path / "a.png") == (30, 20)
    assert size_of(tmp_path / "turned.jpg") == (20, 30) == load_image(tmp_path / "turned.jpg").size
    assert size_of(tmp_path / "none.png") is None
    assert size_of(tmp_path / "nowhere.png") is None
