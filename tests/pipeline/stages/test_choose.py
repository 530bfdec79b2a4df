"""Several samples of one answer: votes and vectors worked by hand, and nothing hangs on the order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.encoder import CachedEncoder
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.config.parts import ReasonStage
from likebut.pipeline.encoders.contract import EncoderSpec
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.engines.scripted import ScriptedEngine
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.prompting import load
from likebut.pipeline.records.chat import Reply, Sampling
from likebut.pipeline.records.trace import Intent, Query
from likebut.pipeline.records.traces import trace_from_json, trace_to_json
from likebut.pipeline.stages.ask import Question
from likebut.pipeline.stages.choose import agreed, best, consult, sampling_of, vote
from tests.pipeline.colours import REPLY, ColourEncoder, colour_composer, scripted

PROMPT = load("reason/likebut")
E = np.eye(3, dtype=np.float32)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache.sqlite")


@pytest.fixture
def encoder(cache: Cache) -> CachedEncoder:
    return CachedEncoder(EncoderSpec("given", "colours"), cache, encoder=ColourEncoder())


def saying(*captions: str) -> list[Intent]:
    return [Intent(caption) for caption in captions]


def reply(target: str, desired: str = "blue") -> str:
    return REPLY.replace("a blue square", target).replace('["blue"]', f'["{desired}"]')


class Dice(ScriptedEngine):
    """Answers by the seed: repeat 0 gets the first reply, repeat 1 the second, and so on."""

    def __init__(self, *replies: str) -> None:
        super().__init__(EngineSpec("scripted", "dice", options={"replies": []}))
        self.replies, self.asked = replies, list[Sampling]()

    def _answer(self, request: Request) -> Reply:
        self.asked.append(request.sampling)
        return Reply(self.replies[request.sampling.seed % len(self.replies)], reply_tokens=1)


def throwing(cache: Cache, *replies: str) -> tuple[CachedEngine, Dice]:
    dice = Dice(*replies)
    return CachedEngine(EngineSpec("scripted", "dice"), cache, engine=dice), dice


# the vote


def test_the_most_frequent_caption_wins_whatever_its_case_and_spaces() -> None:
    samples = saying("a red pear", "A blue square.", "a blue  square", "a blue square", "a cat")
    assert vote(samples, {}).target_caption in ("A blue square.", "a blue  square", "a blue square")
    twice = [*samples, Intent("a blue square")]
    assert vote(twice, {}).target_caption == "a blue square"


def test_a_tie_goes_to_the_caption_nearest_to_all() -> None:
    """Means of cosines with (x, x, y, y, m): x and y get 0.4 each plus m's share; m ties with none."""
    diagonal = (E[0] + E[1]) / np.sqrt(2)
    vectors = {"x": E[0], "y": E[1], "m": diagonal}
    # one vote each: x (1 + 0 + .71)/3, y the same, m (.71 + .71 + 1)/3
    assert vote(saying("x", "y", "m"), vectors).target_caption == "m"
    # two votes for x and y each, one for m, which has not the most votes: x and y tie, the alphabet
    assert vote(saying("y", "x", "y", "x", "m"), vectors).target_caption == "x"


def test_an_element_stays_where_more_than_half_of_the_samples_name_it() -> None:
    samples = [
        Intent("t", elements={"desired": ("snow", "two dogs"), "forbidden": ("beach",)}),
        Intent("t", elements={"desired": ("Snow", "a sledge", "snow"), "forbidden": ("summer",)}),
        Intent("t", elements={"desired": ("two dogs", "snow"), "preserved": ("running",)}),
        Intent("t", elements={"desired": ("two dogs",), "forbidden": ("beach",)}),
    ]
    chosen = vote(samples, {})
    # 3 of 4 each, and at place 1/3 on average each: (0 + 0 + 1) and (1 + 0 + 0); then the alphabet
    assert chosen.of("desired") == ("snow", "two dogs")
    assert chosen.of("preserved") == ()
    assert chosen.of("forbidden") == ()  # 2 of 4 is not more than half


def test_the_reasoning_is_that_of_a_sample_with_the_chosen_caption() -> None:
    samples = [Intent("a", "for a"), Intent("b", "for b"), Intent("B", "also for b")]
    assert vote(samples, {}).reasoning == "also for b"


def test_samples_that_have_no_caption_to_give_vote_on_elements_alone() -> None:
    samples = [
        Intent("", elements={"desired": ("night",)}),
        Intent("", elements={"desired": ("night", "moon")}),
    ]
    assert vote(samples, {}) == Intent("", elements={"desired": ("night",)})
    assert best(samples, {}, [E[1]]) == Intent("", elements={"desired": ("night",)})


texts = st.sampled_from(["a red pear", "A red pear", "a blue square", "a cat", "", "green"])
intents = st.builds(
    Intent,
    texts,
    st.sampled_from(["", "so", "because"]),
    st.dictionaries(
        st.sampled_from(["desired", "forbidden", "relations"]),
        st.lists(texts.filter(bool), min_size=1, max_size=3).map(tuple),
    ),
    st.just(()),
    st.sampled_from(["", "", "no JSON"]),
)


@given(st.lists(intents, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_samples_changes_nothing(samples: list[Intent], random: Any) -> None:
    class Encoder:
        def texts_with_counts(self, texts: list[str]) -> list[tuple[Any, int]]:
            return [(row, 1) for row in ColourEncoder().encode_texts(texts)]

    shuffled = random.sample(samples, len(samples))
    if all(one.fallback for one in samples):
        return
    sight = [[E[0], E[2]]]  # a red reference, "make it blue"
    for how in ("vote", "mean", "best"):
        one, other = (agreed([group], how, Encoder(), sight)[0] for group in (samples, shuffled))  # type: ignore[arg-type]
        assert one == other
        assert not one.fallback


# choosing


def test_a_fallback_has_no_say_unless_there_is_nothing_else(encoder: CachedEncoder) -> None:
    wrong = replace(Intent("red, make it blue"), fallback="no JSON")
    for how in ("first", "vote", "mean", "best"):
        sights = [[E[2]]] * 2
        one, none = agreed([[wrong, wrong, Intent("blue")], [wrong, wrong]], how, encoder, sights)
        assert one == Intent("blue"), how
        assert none == wrong, how


def test_the_mean_keeps_every_caption_and_is_searched_as_one_vector(encoder: CachedEncoder) -> None:
    (chosen,) = agreed([saying("red", "blue", "red")], "mean", encoder)
    assert chosen.target_caption == "red"
    assert chosen.samples == ("blue", "red", "red")


def test_the_best_sample_agrees_with_reference_and_sentence() -> None:
    """Reference e1, sentence e2: (.8, .6, 0) agrees 1.4, e1 and e2 agree 1 each, e3 not at all."""
    vectors = {"same": E[0], "other": E[2], "both": np.array([0.8, 0.6, 0], np.float32)}
    samples = [Intent("same"), Intent("both", elements={"desired": ("x",)}), Intent("other")]
    assert best(samples, vectors, [E[0], E[1]]) == samples[1]
    assert best(samples, vectors, [E[2]]) == samples[2]
    unchanged = [Intent("other"), Intent("both")]
    assert best(unchanged, vectors, [E[1]]) == unchanged[1]  # without a picture, the sentence alone


def test_the_best_sample_is_that_of_the_largest_advantage_over_the_mean_reward() -> None:
    """RLCF's reward is a cosine, here with the fused query, less the mean of all samples."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        rows = rng.standard_normal((7, 5)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        vectors = {str(n): row for n, row in enumerate(rows[:5])}
        picture, sentence = rows[5], rows[6]
        fused = (picture + sentence) / np.linalg.norm(picture + sentence)
        rewards = {text: float(vector @ fused) for text, vector in vectors.items()}
        mean = sum(rewards.values()) / 5
        advantage = {text: reward - mean for text, reward in rewards.items()}
        chosen = best(saying(*vectors), vectors, [picture, sentence])
        assert chosen.target_caption == max(advantage, key=lambda text: advantage[text])


def test_a_sample_that_repeats_the_reference_is_not_the_best_for_that() -> None:
    """Reference x, sentence y. "same" is x: 1 + 0; "changed" (0.6, 0.8): 0.6 + 0.8."""
    vectors = {"same": E[0], "changed": np.array([0.6, 0.8, 0], np.float32)}
    assert best(saying("same", "changed"), vectors, [E[0], E[1]]).target_caption == "changed"
    assert best(saying("same", "changed"), vectors, [E[0]]).target_caption == "same"  # the picture alone


def test_the_encoder_is_asked_only_where_captions_are_compared(cache: Cache) -> None:
    eye = ColourEncoder()
    encoder = CachedEncoder(EncoderSpec("given", "colours"), cache, encoder=eye)
    agreed([saying("red", "red", "blue"), saying("green")], "vote", encoder)
    agreed([saying("red", "blue")], "first", encoder)
    assert eye.texts == []
    agreed([saying("red", "blue"), saying("green", "green")], "vote", encoder)
    assert sorted(eye.texts) == ["blue", "red"]


# asking


def test_every_sample_is_a_repeat_of_its_own_at_one_temperature(cache: Cache) -> None:
    engine, dice = throwing(cache, reply("a"), reply("b"), reply("c"))
    stage = ReasonStage(prompt="reason/likebut", samples=3, temperature=0.5)
    ((intents, exchanges),) = consult([Question("c", "m")], PROMPT, engine, Sampling(), stage)
    assert [intent.target_caption for intent in intents] == ["a", "b", "c"]
    assert [(one.temperature, one.seed) for one in dice.asked] == [(0.5, 0), (0.5, 1), (0.5, 2)]
    assert len(exchanges) == 3
    more = stage.model_copy(update={"samples": 4})
    consult([Question("c", "m")], PROMPT, engine, Sampling(), more)
    assert [one.seed for one in dice.asked[3:]] == [3]  # the first three are known


def test_the_attempts_of_one_sample_are_not_those_of_another(cache: Cache) -> None:
    """Two samples, of which sample 0 is unusable once: its second attempt is repeat 0 + 2 · 1."""
    engine, dice = throwing(cache, "no", reply("b"), reply("again"))
    stage = ReasonStage(prompt="reason/likebut", samples=2, retries=1)
    ((intents, exchanges),) = consult([Question("c", "m")], PROMPT, engine, Sampling(), stage)
    assert [intent.target_caption for intent in intents] == ["again", "b"]
    assert [one.seed for one in dice.asked] == [0, 2, 1]
    assert len(exchanges) == 3


def test_one_question_is_asked_as_ever(cache: Cache) -> None:
    engine, dice = throwing(cache, reply("a"))
    ((intents, _),) = consult(
        [Question("c", "m")], PROMPT, engine, Sampling(temperature=0.2), ReasonStage(prompt="p")
    )
    assert [one.target_caption for one in intents] == ["a"]
    assert [(one.temperature, one.seed) for one in dice.asked] == [(0.2, 0)]


def test_samples_are_never_cold() -> None:
    several, told = ReasonStage(prompt="p", samples=2), ReasonStage(prompt="p", temperature=0.3)
    assert sampling_of(several, Sampling()).temperature == 0.7
    assert sampling_of(several, Sampling(temperature=0.9)).temperature == 0.9
    assert sampling_of(told, Sampling(temperature=0.9)).temperature == 0.3
    assert sampling_of(ReasonStage(prompt="p"), Sampling()).temperature == 0.0


# through the composer


def red(tmp_path: Path) -> Query:
    return Query("q", tmp_path / "gallery" / "red.png", "make it blue")


@pytest.mark.parametrize(
    ("how", "caption", "first", "score"),
    [
        ("first", "green", "green", 1.0),
        ("vote", "a blue square", "blue", 1.0),
        # the mean's direction is (.707, 1, 2.707), of length 2.971
        ("mean", "a blue square", "blue", 0.911),
        # reference red, sentence blue: "red blue" agrees .707 with each, the others 1 at most in all
        ("best", "red blue", "grey", 2 / 6**0.5),
    ],
)
def test_a_composed_query_is_ranked_by_what_its_samples_agree_on(
    tmp_path: Path, how: str, caption: str, first: str, score: float
) -> None:
    recipe = load_recipe("cirevl").with_samples(4, how)
    composer = colour_composer(tmp_path, recipe=recipe)
    said = [reply(text) for text in ("green", "a blue square", "a blue square", "red blue")]
    engine, _ = throwing(composer.reasoner.cache, *said)
    trace = replace(composer, reasoner=engine).compose([red(tmp_path)], 4)[0]
    assert trace.intent.target_caption == caption
    assert Path(trace.ranking.hits[0].path).stem == first
    assert trace.ranking.hits[0].score == pytest.approx(score, abs=1e-3)
    assert [exchange.stage for exchange in trace.exchanges] == ["describe", *["reason"] * 4]
    assert trace_to_json(trace_from_json(trace_to_json(trace))) == trace_to_json(trace)


def test_the_mean_of_target_captions_is_a_unit_vector_worked_by_hand(tmp_path: Path) -> None:
    """(2·blue + green) / √5: blue scores 2/√5, green 1/√5."""
    recipe = load_recipe("cirevl").with_samples(3, "mean")
    composer = colour_composer(tmp_path, recipe=recipe)
    engine, _ = throwing(composer.reasoner.cache, reply("blue"), reply("green"), reply("blue"))
    trace = replace(composer, reasoner=engine).compose([red(tmp_path)], 4)[0]
    scores = {Path(hit.path).stem: hit.score for hit in trace.ranking.hits}
    assert scores["blue"] == pytest.approx(2 / 5**0.5, abs=1e-3)
    assert scores["green"] == pytest.approx(1 / 5**0.5, abs=1e-3)
    (grain,) = trace.grains
    assert (grain.name, grain.text) == ("target_caption", "blue")
    assert np.linalg.norm(grain.vector) == pytest.approx(1, abs=1e-5)


def test_samples_that_all_fall_back_are_a_fallback(tmp_path: Path) -> None:
    composer = colour_composer(
        tmp_path, (".", "no idea"), recipe=load_recipe("likebut@pocket").with_samples(2, "vote")
    )
    trace = composer.compose([red(tmp_path)], 1)[0]
    assert "no JSON" in trace.intent.fallback
    assert len(trace.exchanges) == 1 + 2 * 3


def test_a_sample_that_nobody_answered_is_the_error_of_its_query(tmp_path: Path) -> None:
    """Fewer samples than asked for would be another method."""
    composer = colour_composer(tmp_path, recipe=load_recipe("likebut@pocket").with_samples(2, "vote"))

    class Away(Dice):
        def _answer(self, request: Request) -> Reply:
            if request.sampling.seed:
                return Reply("", finish="failed", error="HTTP 503")
            return super()._answer(request)

    engine = CachedEngine(EngineSpec("scripted", "d"), composer.reasoner.cache, engine=Away(REPLY))
    trace = replace(composer, reasoner=engine).compose([red(tmp_path)], 1)[0]
    assert trace.error == "the reasoner gave no answer: HTTP 503"


def test_several_questions_over_captions_are_sampled_each(tmp_path: Path) -> None:
    recipe = load_recipe("ldre")
    describing = recipe.describe.model_copy(update={"captions": 2})  # type: ignore[union-attr]
    recipe = recipe.model_copy(update={"describe": describing}).with_samples(2, "vote")
    trace = colour_composer(tmp_path, recipe=recipe).compose([red(tmp_path)], 1)[0]
    assert trace.intent.rewrites == ("a blue square", "a blue square")
    assert [exchange.stage for exchange in trace.exchanges].count("reason") == 4


# in a recipe


def test_samples_at_temperature_zero_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'description = "d"\n[reason]\nprompt = "reason/likebut"\nsamples = 3\ntemperature = 0.0\n'
        "[grains]\ntarget_caption = 1.0\n"
    )
    with pytest.raises(ConfigError, match="several samples at temperature 0"):
        load_recipe(str(path))


def test_a_recipe_that_asks_nothing_has_nothing_to_sample() -> None:
    with pytest.raises(ConfigError, match="asks the reasoner nothing"):
        load_recipe("image-only").with_samples(3, None)
    assert load_recipe("image-only").with_samples(None, None) == load_recipe("image-only")


def test_the_shipped_recipe_is_that_of_the_drawn_world_five_times() -> None:
    likebut, five = (load_recipe(f"{name}@pocket") for name in ("likebut", "self-consistency"))
    (stage,) = five.reason
    assert (stage.samples, stage.choose, stage.temperature) == (5, "vote", 0.7)
    weighed = {name: weight for name, weight in likebut.grains.items() if weight}
    assert (five.grains, five.fusion, five.describe) == (weighed, likebut.fusion, likebut.describe)


def test_every_order_of_four_samples_votes_alike(encoder: CachedEncoder) -> None:
    samples = saying("red", "blue", "blue square", "red thing")
    chosen = {repr(agreed([list(order)], "vote", encoder)[0]) for order in itertools.permutations(samples)}
    assert len(chosen) == 1


def test_scripted_samples_agree_with_themselves(cache: Cache, encoder: CachedEncoder) -> None:
    engine = scripted(cache, (".", REPLY))
    stage = ReasonStage(prompt="reason/likebut", samples=3)
    ((intents, _),) = consult([Question("c", "m")], PROMPT, engine, Sampling(), stage)
    assert agreed([intents], "vote", encoder)[0] == intents[0]
