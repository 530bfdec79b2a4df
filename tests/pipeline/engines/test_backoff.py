"""Waits before a server is asked again: exponential, jittered, never less than it asked for."""

from __future__ import annotations

import random
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.engines.backoff import LONGEST, retry_after, wait


@given(st.integers(0, 40), st.floats(0, 1000), st.integers())
def test_a_wait_is_what_was_asked_for_plus_a_bounded_draw(attempt: int, at_least: float, seed: int) -> None:
    seconds = wait(attempt, at_least, random.Random(seed).uniform)
    assert at_least <= seconds <= at_least + min(LONGEST, 0.5 * 2**attempt)


def test_the_bound_doubles_and_then_stays() -> None:
    bounds = [wait(attempt, 0.0, lambda low, high: high) for attempt in range(9)]
    assert bounds == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert wait(5, 0.0, lambda low, high: low) == 0.0  # full jitter: the draw begins at nothing


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        (None, 0.0),
        ("", 0.0),
        ("-3", 0.0),
        ("soon", 0.0),
        ("inf", 0.0),
        ("nan", 0.0),
        (formatdate(1_000_030, usegmt=True), 30.0),
        (formatdate(999_000, usegmt=True), 0.0),  # a date that has passed
        ("Mon, 99 Foo 2026 00:00:00 GMT", 0.0),
    ],
)
def test_a_server_asks_for_seconds_or_names_a_date(header: str | None, seconds: float) -> None:
    assert retry_after(header, now=1_000_000.0) == pytest.approx(seconds)
