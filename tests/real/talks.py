"""Requests of two sentences, and words by which what was said first is known to live on."""

from __future__ import annotations

from typing import NamedTuple


class Talk(NamedTuple):
    """A reference, two sentences about it, and of each the words of which one must be in what is wanted."""

    caption: str
    first: str
    then: str
    lives: tuple[str, ...]
    comes: tuple[str, ...]


TALKS = (
    Talk("a brown dog on a porch", "make it two dogs", "but in the snow", ("two", "dogs"), ("snow",)),
    Talk("a red car in a street", "in blue", "and at night", ("blue",), ("night", "dark")),
    Talk("a cat on a sofa", "a white cat", "asleep, seen from above", ("white",), ("sleep",)),
    Talk("a woman in a green dress", "with an umbrella", "on a beach", ("umbrella",), ("beach",)),
    Talk("three penguins near the sea", "only one", "swimming", ("one", "a penguin"), ("swim",)),
    Talk("a bathroom with blue tiles", "with a round mirror", "in yellow", ("mirror",), ("yellow",)),
)
