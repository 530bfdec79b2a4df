"""Reason: an Intent for every pair, within a bound of attempts, and an honest fallback."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.engines.scripted import ScriptedEngine
from likebut.pipeline.records.chat import Reply, Sampling
from likebut.pipeline.records.trace import Intent
from likebut.pipeline.stages.ask import Question, ask, warmed
from likebut.pipeline.stages.intent import merged
from tests.pipeline.colours import REPLY, entries, scripted

PROMPT = prompting.load("reason/likebut")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache.sqlite")


def test_a_reply_becomes_an_intent(cache: Cache) -> None:
    engine = scripted(cache, (".", REPLY))
    intent, exchanges = ask([Question("a red square", "blue")], PROMPT, engine, Sampling())[0]
    assert intent.target_caption == "a blue square"
    assert (intent.of("desired"), intent.of("preserved"), intent.of("forbidden")) == (
        ("blue",),
        ("square",),
        ("red",),
    )
    assert intent.reasoning == "red becomes blue"
    assert not intent.fallback
    assert len(exchanges) == 1


def test_spaces_are_folded_and_empty_elements_dropped(cache: Cache) -> None:
    reply = REPLY.replace("a blue square", "  a  blue\\nsquare ").replace('["blue"]', '[" ", " blue "]')
    intent, _ = ask([Question("c", "m")], PROMPT, scripted(cache, (".", reply)), Sampling())[0]
    assert intent.target_caption == "a blue square"
    assert intent.of("desired") == ("blue",)


def test_the_model_is_told_what_was_wrong_and_asked_again(cache: Cache) -> None:
    engine = scripted(cache, ("cannot be used", REPLY), (".", "I would rather chat"))
    intent, exchanges = ask([Question("c", "m")], PROMPT, engine, Sampling(), retries=1)[0]
    assert intent.target_caption == "a blue square"
    assert not intent.fallback
    assert len(exchanges) == 2
    assert exchanges[1].messages[-2].text == "I would rather chat"


def test_after_the_last_attempt_caption_and_modification_stand_in(cache: Cache) -> None:
    engine = scripted(cache, (".", "no"))
    intent, exchanges = ask([Question("a cat", "make it a dog")], PROMPT, engine, Sampling(), retries=2)[0]
    assert intent.target_caption == "a cat, make it a dog"
    assert intent.fallback
    assert len(exchanges) == 3


def test_only_the_failed_pairs_are_asked_again(cache: Cache) -> None:
    engine = scripted(cache, ("cannot be used|good", REPLY), (".", "no"))
    answers = ask([Question("good", "m"), Question("bad", "m")], PROMPT, engine, Sampling())
    assert [len(exchanges) for _, exchanges in answers] == [1, 2]


def test_a_request_the_model_cannot_take_falls_back_alone(cache: Cache) -> None:
    told = {
        "match": "long",
        "finish": "refused",
        "error": "the prompt has 9,999 tokens, the model takes 256",
    }
    engine = entries(cache, told, {"match": ".", "reply": REPLY})
    short, long = ask([Question("c", "m"), Question("long", "m")], PROMPT, engine, Sampling())
    assert short[0].target_caption == "a blue square"
    assert long[0].target_caption == "long, m"
    assert "9,999 tokens" in long[0].fallback
    assert len(long[1]) == 1  # asking again would change nothing


def test_a_reply_that_was_cut_is_asked_for_again_warmer_and_never_used(cache: Cache) -> None:
    cut = {"match": ".", "reply": REPLY, "finish": "length"}
    intent, exchanges = ask(
        [Question("a cat", "a dog")], PROMPT, entries(cache, cut), Sampling(), retries=2
    )[0]
    assert intent.target_caption == "a cat, a dog"
    assert "cut at" in intent.fallback
    assert [exchange.reply.finish for exchange in exchanges] == ["length"] * 3
    assert exchanges[0].messages == exchanges[2].messages  # what ran on is not shown again


def test_each_attempt_is_warmer_within_a_bound() -> None:
    cold, hot = Sampling(), Sampling(temperature=1.5)
    assert [warmed(cold, n).temperature for n in range(6)] == [0.0, 0.3, 0.6, 0.9, 1.0, 1.0]
    assert [warmed(hot, n).temperature for n in range(3)] == [1.5, 1.5, 1.5]
    assert warmed(Sampling(seed=7), 2).seed == 7


def test_attempts_have_temperatures_and_seeds_of_their_own(cache: Cache) -> None:
    seen: list[Sampling] = []

    class Watched(ScriptedEngine):
        def _answer(self, request: Request) -> Reply:
            seen.append(request.sampling)
            return super()._answer(request)

    spec = EngineSpec("scripted", "s", options={"replies": [{"match": ".", "reply": "no"}]})
    ask([Question("c", "m")], PROMPT, CachedEngine(spec, cache, Watched(spec)), Sampling())
    assert [(one.temperature, one.seed) for one in seen] == [(0.0, 0), (0.3, 1), (0.6, 2)]


def test_a_call_nobody_answered_is_not_asked_again_by_the_stage(cache: Cache) -> None:
    engine = entries(cache, {"match": ".", "error": "the connection failed"})
    intent, exchanges = ask([Question("c", "m")], PROMPT, engine, Sampling())[0]
    assert "the connection failed" in intent.fallback
    assert [exchange.reply.finish for exchange in exchanges] == ["failed"]


def test_a_reply_that_needed_repair_is_told_apart(cache: Cache) -> None:
    replies = ((REPLY, False), (f"```json\n{REPLY}\n```", True), (REPLY[:-2], True))
    for number, (reply, repaired) in enumerate(replies):
        engine = entries(cache, {"match": ".", "reply": reply})
        intent, exchanges = ask([Question(f"c{number}", "m")], PROMPT, engine, Sampling())[0]
        assert intent.target_caption == "a blue square"
        assert exchanges[0].repaired is repaired


def test_the_answers_to_several_questions_are_one_intent() -> None:
    whole = Intent("a blue square", "whole", elements={"desired": ("blue",)})
    parts = Intent(
        "", "parts", elements={"desired": ("blue", "square"), "forbidden": ("red",)}, fallback="no JSON"
    )
    one = merged([whole, parts])
    assert one.target_caption == "a blue square"
    assert one.reasoning == "whole\nparts"
    assert (one.of("desired"), one.of("forbidden")) == (("blue", "square"), ("red",))
    assert one.fallback == "no JSON"


def test_a_reply_may_lack_what_its_prompt_does_not_ask_for(cache: Cache) -> None:
    reply = '{"desired": ["blue"], "forbidden": []}'
    prompt = prompting.load("reason/object-scale")
    intent, _ = ask([Question("c", "m")], prompt, scripted(cache, (".", reply)), Sampling())[0]
    assert (intent.target_caption, intent.of("desired")) == ("", ("blue",))
    assert not intent.fallback


def test_several_readings_become_rewrites_with_the_likeliest_first(cache: Cache) -> None:
    reply = '{"reasoning": "r", "target_caption": "a", "rewrites": [" b  c", "a", "", "d"]}'
    prompt = prompting.load("reason/divergent")
    intent, _ = ask([Question("c", "m")], prompt, scripted(cache, (".", reply)), Sampling())[0]
    assert intent.target_caption == "a"
    assert intent.rewrites == ("a", "b c", "d")


def test_a_field_that_no_schema_asked_for_may_be_anything(cache: Cache) -> None:
    reply = '{"desired": ["a"], "forbidden": [], "preserved": 7, "rewrites": {"x": 1}, "target_caption": 3}'
    prompt = prompting.load("reason/object-scale")
    intent, _ = ask([Question("c", "m")], prompt, scripted(cache, (".", reply)), Sampling())[0]
    assert intent == Intent("", "", {"desired": ("a",)})


def test_a_reply_longer_than_its_bounds_is_read(cache: Cache) -> None:
    long = REPLY.replace("red becomes blue", "so " * 400).replace(
        '["blue"]', str(["b"] * 30).replace("'", '"')
    )
    intent, exchanges = ask([Question("c", "m")], PROMPT, scripted(cache, (".", long)), Sampling())[0]
    assert len(intent.reasoning) > 1000
    assert len(intent.of("desired")) == 30
    assert len(exchanges) == 1


def test_the_target_captions_of_several_prompts_are_rewrites_of_one_query() -> None:
    one, two = Intent("a", elements={"desired": ("x",)}), Intent("b", rewrites=("b", "c"))
    assert merged([one, two]) == Intent("a", elements={"desired": ("x",)}, rewrites=("a", "b", "c"))
    assert merged([two, one]) == Intent("b", elements={"desired": ("x",)}, rewrites=("b", "c", "a"))
    assert merged([one]).rewrites == ()


def test_a_prompt_without_a_usable_reply_has_no_say_beside_one_with(cache: Cache) -> None:
    lost = Intent("a cat, a dog", fallback="it chatted")
    found = merged([lost, Intent("a dog", elements={"forbidden": ("a cat",)})])
    assert (found.target_caption, found.rewrites) == ("a dog", ())
    assert (found.of("forbidden"), found.fallback) == (("a cat",), "it chatted")


def test_questions_about_things_alone_leave_the_rewrites_as_they_are() -> None:
    assert merged([Intent("a"), Intent("", elements={"desired": ("x",)})]).rewrites == ()


def test_an_empty_reply_is_not_shown_again_and_its_reason_stays(cache: Cache) -> None:
    engine = scripted(cache, (".", " "))
    intent, exchanges = ask([Question("a", "b")], PROMPT, engine, Sampling(), retries=1)[0]
    assert [len(exchange.messages) for exchange in exchanges] == [2, 2]
    assert "no JSON object" in intent.fallback


def test_a_reply_that_a_filter_stopped_is_not_asked_for_again(cache: Cache) -> None:
    told = {"match": ".", "reply": "", "finish": "content_filter"}
    intent, exchanges = ask([Question("a", "b")], PROMPT, entries(cache, told), Sampling())[0]
    assert len(exchanges) == 1
    assert "content filter" in intent.fallback
