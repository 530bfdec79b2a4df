"""Counts of replies: strict, repaired, unusable, asked again, fallen back."""

from __future__ import annotations

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.lab.replies import asked_again, count
from likebut.pipeline.records.chat import Exchange, Price, Reply
from likebut.pipeline.records.trace import Description, Intent, Query, Ranking, Trace
from tests.pipeline.lab.conftest import Try, target


def test_replies_are_counted_by_what_became_of_them(trials: Try) -> None:
    strict, repaired, unusable = trials(
        strict=target("blue"), repaired=f"Of course:\n{target('blue')}", unusable="I cannot"
    )
    assert (strict.replies.replies, strict.replies.strict, strict.replies.retries) == (1, 1, 0)
    assert (repaired.replies.strict, repaired.replies.repaired) == (0, 1)
    assert repaired.replies.rate("repaired") == 1.0
    # asked three times, never usable
    counts = unusable.replies
    assert (counts.replies, counts.unusable, counts.retries, counts.fallbacks) == (3, 3, 2, 1)
    assert counts.rate("strict") == 0.0
    assert counts.rate("fallbacks") == 1.0


def test_a_call_is_made_once_and_its_tokens_count_every_time(trials: Try) -> None:
    first, second = trials(one=target("blue"), two=target("green"))
    # "one: a square of one colour / blue please" and the picture's caption
    assert first.replies.made == 2
    assert first.replies.cached == 0
    assert (second.replies.made, second.replies.cached) == (1, 1)  # the caption is known by now
    assert second.replies.reply_tokens == first.replies.reply_tokens


def test_attempts_of_several_questions_are_told_apart() -> None:
    bad, good, error = "unusable", "strict", "error"
    assert asked_again([good, good], retries=2) == 0
    assert asked_again([bad, good, good], retries=2) == 1
    assert asked_again([bad, bad, bad, bad, good], retries=2) == 3  # the fourth begins anew
    assert asked_again([bad, error, good], retries=2) == 1
    assert asked_again([bad, bad], retries=0) == 0


def test_cost_is_that_of_all_tokens_and_unknown_where_a_model_has_no_price() -> None:
    prompt = prompting.load("reason/cirevl")
    answer = '{"target_caption": "a dog"}'
    told = Exchange("describe", "eyes", "describe/dense", (), Reply("a cat", 1000, 100))
    thought = Exchange("reason", "mind", prompt.name, (), Reply(answer, 2000, 500, cached=True))
    trace = Trace(
        Query("q"),
        "cirevl",
        "p",
        Description(),
        Intent("a dog"),
        (),
        Ranking(()),
        exchanges=(told, thought),
    )
    eyes, mind = Price(input=1.0, output=2.0), Price(input=0.5, output=4.0)
    recipe = load_recipe("cirevl")
    counted = count(prompt, recipe, [trace], {"describe": eyes, "reason": mind})
    assert counted.cost == pytest.approx((1000 + 200 + 1000 + 2000) / 1e6)
    assert (counted.strict, counted.made, counted.cached) == (1, 1, 1)
    assert count(prompt, recipe, [trace], {"describe": eyes, "reason": None}).cost is None
