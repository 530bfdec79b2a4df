"""Terminal previews: who can show them, and the sequences they read."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from pipeline.report.terminal import detect_terminal, preview_sequence


@pytest.mark.parametrize(
    ("environ", "terminal"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"KITTY_WINDOW_ID": "3"}, "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color"}, None),
        ({}, None),
    ],
)
def test_terminals_that_show_pictures_are_known(
    environ: dict[str, str], terminal: str | None
) -> None:
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
