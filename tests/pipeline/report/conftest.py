"""One answered query to report on, with hostile names and texts in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from likebut.pipeline.records.chat import Exchange, Message, Reply
from likebut.pipeline.records.trace import Description, Grain, Hit, Intent, Query, Ranking, Trace

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def trace(drawn: Path) -> Trace:
    """Two hits; the second picture does not exist."""
    reference = drawn / "scene-00000.png"
    vector = np.ones(2, np.float32)
    hits = (
        Hit(
            1,
            4,
            "scene-00004.png",
            str(drawn / "scene-00004.png"),
            0.5,
            {"target_caption": 0.6, "forbidden:a dog": -0.2, "reference": 0.1},
        ),
        Hit(
            2,
            9,
            'gone "now"\n☃.png',
            str(drawn / "gone.png"),
            0.25,
            {"target_caption": 0.3, "forbidden:a dog": 0.05, "reference": -0.1},
        ),
    )
    return Trace(
        query=Query("q1", reference, f"without the dog {HOSTILE}"),
        recipe="likebut",
        profile="pocket",
        description=Description(("a cat and a dog",)),
        intent=Intent(
            "a cat",
            "the dog goes",
            {"desired": ("a cat alone",), "preserved": ("a cat",), "forbidden": ("a dog",)},
        ),
        grains=(
            Grain("target_caption", "target_caption", 1.0, vector, "a cat"),
            Grain("forbidden:a dog", "forbidden", -0.15, vector, "a dog"),
            Grain("reference", "reference", 0.2, vector),
        ),
        ranking=Ranking(hits),
        exchanges=(
            Exchange("reason", "a/model", "reason/likebut", (Message("user", HOSTILE),), Reply('{"a": 1}')),
        ),
        warnings=("the sentence is long",),
    )
