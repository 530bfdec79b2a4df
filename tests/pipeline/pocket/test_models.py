"""The shipped pocket models keep the floors of their cards, on a small unseen sample."""

from __future__ import annotations

from likebut.pipeline.machine.models import POCKET
from likebut.pipeline.pocket import evaluate

# A sample of 80 strays by about 0.07 (two standard errors of 0.9); the cards measure a thousand.
STRAY = 0.07


def test_clip_tells_what_a_picture_shows() -> None:
    figures = evaluate.clip_accuracy(POCKET / "clip", 80)
    for name, floor in (("category", 0.9), ("colour", 0.9), ("setting", 0.97), ("time", 0.97)):
        assert figures[f"{name} (any pairs)"] >= floor - STRAY


def test_the_captioner_writes_every_attribute() -> None:
    figures = evaluate.captioner_accuracy(POCKET / "captioner", 80)
    assert figures["all attributes (any pairs)"] >= 0.7
    assert figures["all attributes (unseen pairs)"] >= 0.7 - STRAY


def test_the_reasoner_answers_in_json_with_the_right_target() -> None:
    figures = evaluate.reasoner_accuracy(POCKET / "reasoner", 80)
    assert figures["valid JSON (any pairs)"] >= 0.99
    assert figures["target right (any pairs)"] >= 0.9 - STRAY
    assert figures["left alone: an edit that holds"] >= 0.95 - STRAY
