"""Token counts that nobody has counted yet: worked by hand, and a bound that is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from likebut.pipeline.engines import tokens
from likebut.pipeline.engines.contract import Request
from likebut.pipeline.records.chat import Message


def test_four_characters_are_a_token_and_a_message_has_four_more() -> None:
    request = Request((Message("system", "12345678"), Message("user", "123456789")))
    assert tokens.guess(request) == (2 + 4) + (3 + 4)
    assert not tokens.shows(request)


@pytest.mark.parametrize(
    ("size", "patches"),
    [
        ((28, 28), 1),
        ((29, 56), 2 * 2),
        ((1024, 512), 37 * 19),
        ((2048, 1024), 37 * 19),  # shrunk to 1,024 pixels before it is shown
    ],
)
def test_a_picture_has_a_token_for_28_by_28_pixels_of_what_is_sent(
    tmp_path: Path, size: tuple[int, int], patches: int
) -> None:
    Image.new("RGB", size).save(tmp_path / "a.png")
    request = Request((Message("user", "", (tmp_path / "a.png",)),))
    assert tokens.guess(request) == patches + 4
    assert tokens.shows(request)


def test_a_picture_that_cannot_be_read_is_guessed_at_a_thousand(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    for name in ("a.png", "none.png"):
        assert tokens.guess(Request((Message("user", "", (tmp_path / name,)),))) == 1004


def test_the_bound_counts_bytes_the_schema_and_1500_for_a_picture() -> None:
    message = Message("user", "né", (Path("a.png"),))  # three bytes
    assert tokens.bound(Request((message,))) == 3 + 16 + 1500
    assert tokens.bound(Request((message,), schema={"a": 1})) == 3 + 16 + 1500 + len('{"a": 1}')


@given(some.lists(some.text(), max_size=5))
def test_the_guess_of_a_text_is_never_above_its_bound(texts: list[str]) -> None:
    request = Request(tuple(Message("user", text) for text in texts))
    assert tokens.guess(request) <= tokens.bound(request)
