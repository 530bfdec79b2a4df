"""Colours are measured in CIELAB and named by the eleven basic words; light by its lightness."""

from __future__ import annotations

import numpy as np
import pytest

from likebut.pipeline.encoders import colours


def plain(*rgb: int, side: int = 64) -> np.ndarray:
    return np.full((side, side, 3), rgb, np.uint8)


@pytest.mark.parametrize(
    ("rgb", "word"),
    [
        ((200, 20, 30), "red"),
        ((250, 140, 10), "orange"),
        ((250, 220, 20), "yellow"),
        ((40, 140, 40), "green"),
        ((30, 60, 200), "blue"),
        ((110, 20, 130), "purple"),
        ((255, 150, 190), "pink"),
        ((90, 60, 40), "brown"),
        ((5, 5, 5), "black"),
        ((130, 130, 130), "gray"),
        ((245, 245, 245), "white"),
    ],
)
def test_a_plain_picture_is_all_of_its_colour(rgb: tuple[int, int, int], word: str) -> None:
    assert dict(zip(colours.WORDS, colours.shares(plain(*rgb)).tolist(), strict=True))[word] == 1.0
    assert colours.named(plain(*rgb)) == [word]


def test_shares_are_those_of_the_pixels_and_sum_to_one() -> None:
    pixels = plain(200, 20, 30)
    pixels[:, :16] = (30, 60, 200)  # a quarter
    shares = dict(zip(colours.WORDS, colours.shares(pixels).tolist(), strict=True))
    assert (shares["red"], shares["blue"]) == (0.75, 0.25)
    assert colours.named(pixels) == ["red", "blue"]
    assert colours.named(pixels, least=0.3) == ["red"]


def test_paper_around_a_thing_does_not_count_but_a_white_picture_is_white() -> None:
    pixels = plain(255, 255, 255)
    pixels[20:40, 20:40] = (40, 140, 40)
    assert colours.named(pixels) == ["green"]
    assert colours.named(plain(255, 255, 255)) == ["white"]


def test_light_is_said_where_it_is_unusual() -> None:
    said = [colours.light(plain(level, level, level)) for level in (20, 70, 128, 230)]
    assert said == ["at night", "in dim light", "", "in bright light"]
