"""How far the reasoner can be relied on, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.engines.contract import EngineSpec
from likebut.pipeline.records.chat import Exchange, Reply
from likebut.pipeline.records.trace import Description, Intent, Query, Trace
from likebut.pipeline.stages.trust import LEAST, agreement, reliability, trusted
from tests.pipeline.colours import colour_composer
from tests.pipeline.stages.test_choose import Dice, reply

RECIPE = load_recipe("trust")
X, Y = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
WORDS = {"x": (X, 1), "y": (Y, 1)}
QUERY = Query("q", Path("red.png"), "make it blue")


def asked(times: int, intent: Intent) -> Trace:
    """A trace whose reasoner was asked so often."""
    exchange = Exchange("reason", "m", "p", (), Reply("{}"))
    return Trace(QUERY, intent=intent, exchanges=(exchange,) * times)


def samples(*captions: str) -> Intent:
    return Intent(captions[0], samples=captions)


@pytest.mark.parametrize(
    ("captions", "worth"),
    [
        ("xx", 1.0),
        ("xy", 0.0),
        ("xxy", 1 / 3),  # cosines 1, 0, 0
        ("xxxxy", 0.6),  # six of ten pairs
        ("x", 1.0),
        ("", 1.0),
    ],
)
def test_agreement_is_the_mean_cosine_of_every_two(captions: str, worth: float) -> None:
    assert agreement([WORDS[caption][0] for caption in captions]) == pytest.approx(worth, abs=1e-6)


def test_opposite_samples_agree_no_less_than_not_at_all() -> None:
    assert agreement([X, -X]) == 0.0


def test_reliability_is_the_usable_share_of_replies_times_the_agreement() -> None:
    assert reliability(asked(5, samples(*"xxxxx")), RECIPE, WORDS) == 1.0
    assert reliability(asked(5, samples(*"xxxxy")), RECIPE, WORDS) == pytest.approx(0.6)
    # five answers were wanted, and eight asked for
    assert reliability(asked(8, samples(*"xxxxy")), RECIPE, WORDS) == pytest.approx(0.375)


def test_nothing_is_trusted_less_than_the_least() -> None:
    assert reliability(asked(2, samples(*"xy")), RECIPE, WORDS) == LEAST
    given_up = replace(samples(*"xx"), fallback="no JSON")
    assert reliability(asked(15, given_up), RECIPE, WORDS) == LEAST


def test_a_query_that_the_reasoner_was_not_asked_about_is_as_it_is() -> None:
    by_hand = Trace(QUERY, intent=Intent("x"))
    assert reliability(by_hand, RECIPE, WORDS) == 1.0
    assert trusted(by_hand, RECIPE, WORDS) is RECIPE


def test_a_question_about_each_of_several_captions_is_wanted_as_often() -> None:
    (stage,) = RECIPE.reason
    each = stage.model_copy(update={"over": "captions", "samples": 1})
    trace = replace(asked(4, Intent("x")), description=Description(("a", "b", "c")))
    found = reliability(trace, RECIPE.model_copy(update={"reason": [each]}), WORDS)
    assert found == pytest.approx(0.75)


def test_only_what_the_reasoner_said_weighs_less_in_mixes_too() -> None:
    recipe = RECIPE.model_copy(
        update={
            "grains": {"target_caption": 1.0, "forbidden": -0.5, "modification": 0.3, "mix": 0.2},
            "caption_grains": {"target_caption": 0.5, "caption": 0.4},
            "mixes": {"mix": {"reference": 0.5, "rewrites": 0.5}},
        }
    )
    trace = asked(5, samples(*"xxxxy"))
    found = trusted(trace, recipe, WORDS)
    assert found.grains == pytest.approx(
        {"target_caption": 0.6, "forbidden": -0.3, "modification": 0.3, "mix": 0.2}
    )
    assert found.caption_grains == pytest.approx({"target_caption": 0.3, "caption": 0.4})
    assert found.mixes["mix"] == pytest.approx({"reference": 0.5, "rewrites": 0.3})
    off = recipe.model_copy(update={"trust": False})
    assert trusted(trace, off, WORDS) is off


def weights(tmp_path: Path, *said: str) -> dict[str, float]:
    """Role → weight of a query about the red picture, with these five replies."""
    composer = colour_composer(tmp_path, recipe=RECIPE)
    cache: Any = composer.reasoner.cache
    engine = CachedEngine(EngineSpec("scripted", "dice"), cache, engine=Dice(*said))
    trace = replace(composer, reasoner=engine).ask(tmp_path / "gallery" / "red.png", "make it blue", k=2)
    assert not trace.error
    return {grain.role: grain.weight for grain in trace.grains}


def test_samples_that_agree_have_the_recipes_weights(tmp_path: Path) -> None:
    assert weights(tmp_path, *[reply("blue")] * 5) == pytest.approx(RECIPE.grains)


def test_a_sample_that_differs_moves_the_weight_to_the_sentence(tmp_path: Path) -> None:
    """Blue four times and green once, at right angles: six of ten pairs agree."""
    found = weights(tmp_path, *[reply("blue")] * 4, reply("green"))
    assert found == pytest.approx({**RECIPE.grains, "target_caption": 0.6}, abs=1e-6)


def test_a_reasoner_that_cannot_be_used_is_hardly_heard(tmp_path: Path) -> None:
    found = weights(tmp_path, "no idea")
    assert found["target_caption"] == pytest.approx(LEAST)
    assert found["modification"] == RECIPE.grains["modification"]
