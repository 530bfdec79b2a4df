"""Terminal previews: who can show them, and the sequences they read."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from likebut.pipeline.report.terminal import detect_terminal, preview_sequence
from likebut.pipeline.report.terminal_pictures import half_blocks, sixels


@pytest.mark.parametrize(
    ("environ", "terminal"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"KITTY_WINDOW_ID": "3", "TERM": "xterm"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app", "TERM": "xterm"}, "iterm2"),
        ({"TERM_PROGRAM": "WezTerm", "TERM": "xterm-256color"}, "iterm2"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, "blocks"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "3"}, "blocks"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "mlterm-256color"}, "sixel"),
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM": "dumb", "KITTY_WINDOW_ID": "3"}, None),
        ({}, None),
    ],
)
def test_terminals_that_show_pictures_are_known(environ: dict[str, str], terminal: str | None) -> None:
    assert detect_terminal(environ) == terminal


def test_iterm2_gets_one_inline_file(drawn: Path) -> None:
    sequence = preview_sequence(drawn / "scene-00000.png", "iterm2")
    assert sequence.startswith(b"\x1b]1337;File=inline=1;size=")
    data = base64.b64decode(sequence.split(b":", 1)[1].rstrip(b"\a"))
    assert Image.open(io.BytesIO(data)).size == (128, 128)


def test_kitty_gets_chunks_of_4096_bytes_the_last_one_marked(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    Image.effect_noise((300, 200), 90).save(path)
    parts = preview_sequence(path, "kitty").split(b"\x1b\\")[:-1]
    assert len(parts) > 2
    assert parts[0].startswith(b"\x1b_Ga=T,f=100,m=1;")
    assert all(part.startswith(b"\x1b_Gm=1;") for part in parts[1:-1])
    assert parts[-1].startswith(b"\x1b_Gm=0;")
    data = base64.b64decode(b"".join(part.split(b";", 1)[1] for part in parts))
    assert Image.open(io.BytesIO(data)).size == (256, 171)


def checker() -> Image.Image:
    """Two by three pixels: red, green / blue, white / black, red."""
    image = Image.new("RGB", (2, 3))
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (255, 0, 0)]
    image.putdata(colours)
    return image


def test_half_blocks_show_two_pixels_a_cell_and_the_odd_row_alone() -> None:
    first, second = half_blocks(checker(), 80).decode().splitlines()
    assert first == ("\x1b[38;2;255;0;0;48;2;0;0;255m▀\x1b[38;2;0;255;0;48;2;255;255;255m▀\x1b[0m")
    assert second == "\x1b[0;38;2;0;0;0m▀\x1b[0;38;2;255;0;0m▀\x1b[0m"


def test_half_blocks_in_256_colours_take_the_nearest_of_the_cube() -> None:
    first = half_blocks(checker(), 80, truecolour=False).decode().splitlines()[0]
    # 16 + 36·5 = 196 is red, 16 + 5 = 21 blue, 16 + 6·5 = 46 green, 231 white
    assert first == "\x1b[38;5;196;48;5;21m▀\x1b[38;5;46;48;5;231m▀\x1b[0m"


def test_half_blocks_are_never_wider_than_asked(drawn: Path) -> None:
    lines = preview_sequence(drawn / "scene-00000.png", "blocks", columns=20).decode().splitlines()
    assert (len(lines), {line.count("▀") for line in lines}) == (10, {20})  # square, two a cell


def read_sixels(data: bytes) -> Image.Image:
    """The picture of a sixel sequence, by the rules of a terminal."""
    text = data.decode("ascii")
    assert text.startswith("\x1bPq")
    assert text.endswith("\x1b\\")
    width, height = map(int, re.match(r'"1;1;(\d+);(\d+)', text[3:]).groups())  # type: ignore[union-attr]
    image = Image.new("RGB", (width, height))
    palette: dict[int, tuple[int, ...]] = {}
    x = y = colour = 0
    body = re.sub(r'^"[\d;]*', "", text[3:-2])
    for token in re.findall(r"#\d+;2;\d+;\d+;\d+|#\d+|!\d+[?-~]|[?-~]|\$|-", body):
        if token.startswith("#"):
            number, *parts = map(int, token[1:].split(";"))
            colour = number
            if parts:
                palette[number] = tuple(round(part * 255 / 100) for part in parts[1:])
        elif token == "$":
            x = 0
        elif token == "-":
            x, y = 0, y + 6
        else:
            count = int(token[1:-1]) if token[0] == "!" else 1
            for step in range(count):
                for bit in range(6):
                    if (ord(token[-1]) - 63) >> bit & 1:
                        image.putpixel((x + step, y + bit), palette[colour])  # type: ignore[arg-type]
            x += count
    return image


def test_sixels_are_read_back_as_the_picture(drawn: Path) -> None:
    assert list(read_sixels(sixels(checker())).getdata()) == list(checker().getdata())
    picture = Image.open(drawn / "scene-00000.png").convert("RGB")
    shown = read_sixels(preview_sequence(drawn / "scene-00000.png", "sixel"))
    assert shown.size == picture.size
    difference = ImageChops.difference(shown, picture)
    assert sum(ImageStat.Stat(difference).mean) / 3 < 8  # of 255; the palette has 128 colours


def test_a_picture_of_one_pixel_is_drawn_every_way(tmp_path: Path) -> None:
    Image.new("L", (1, 1), 255).save(tmp_path / "dot.png")
    for terminal in ("kitty", "iterm2", "sixel", "blocks"):
        assert preview_sequence(tmp_path / "dot.png", terminal)
