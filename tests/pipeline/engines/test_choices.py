"""Choices: how probable a word is as the next token, by every engine in its own way."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from likebut.pipeline.config.files import load_profile
from likebut.pipeline.engines import make_engine
from likebut.pipeline.engines.chat import body, read
from likebut.pipeline.engines.choices import chances_of, spelled
from likebut.pipeline.engines.contract import EngineSpec, Request
from likebut.pipeline.engines.overlap import differences
from likebut.pipeline.engines.transformers import TransformersEngine
from likebut.pipeline.engines.weighing import next_token
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.pocket import world
from likebut.pipeline.pocket.captions import NUMBERS, plural
from likebut.pipeline.records.chat import Message, Sampling
from tests.pipeline.engines.families import CAPTIONERS, READERS

YES = ("Yes", "No")


def ask(text: str, *, choices: tuple[str, ...] = YES) -> Request:
    return Request((Message("user", text),), Sampling(max_tokens=1), choices=choices)


def test_every_spelling_that_is_one_token_counts() -> None:
    tokens = {"Yes": [1], " Yes": [2], "yes": [3], " yes": [4, 5], "YES": [1], " YES": [6]}
    assert spelled("Yes", lambda text: tokens[text]) == [1, 2, 3, 6]


def test_the_chances_of_what_a_server_shows_are_summed() -> None:
    shown = [(" Yes", math.log(0.5)), ("yes", math.log(0.25)), ("No", math.log(0.1)), ("Maybe", -2.0)]
    assert chances_of(YES, shown) == pytest.approx({"Yes": 0.75, "No": 0.1})
    assert chances_of(YES, []) == {"Yes": 0.0, "No": 0.0}


@pytest.fixture(scope="module", params=list(READERS))
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TransformersEngine:
    """A tiny random model of every family of chat models without eyes."""
    folder = tmp_path_factory.mktemp("reader") / "model"
    READERS[request.param](folder)
    spec = EngineSpec("transformers", str(folder), device="cpu", dtype="float32", batch_size=4)
    engine = make_engine(spec)
    assert isinstance(engine, TransformersEngine)
    return engine


LONG = "one red apple on a table and two blue birds in the sky above a green house "


def test_a_choice_is_as_probable_as_the_models_own_next_token(reader: TransformersEngine) -> None:
    """In a batch of prompts of several lengths with one beginning, and alone."""
    requests = [ask(f"{LONG * 3} {'more ' * n}end?") for n in range(4)]
    together = reader.generate(requests)
    for request, reply in zip(requests, together, strict=True):
        (alone,) = reader.generate([request])
        assert reply.chances == pytest.approx(alone.chances, abs=1e-4)
        assert reply.text in YES
        inputs = reader._loaded.tokenizer.apply_chat_template(
            [{"role": "user", "content": request.messages[0].text}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        inputs.pop("token_type_ids", None)
        with torch.inference_mode():
            own = reader._loaded.model(**inputs).logits[0, -1].float().softmax(-1)
        ids = spelled("Yes", lambda t: reader._loaded.tokenizer.encode(t, add_special_tokens=False))
        assert reply.chances["Yes"] == pytest.approx(float(own[ids].sum()), abs=1e-4)


def test_the_shared_beginning_changes_no_probability(reader: TransformersEngine) -> None:
    texts = [f"{LONG * 4}{end}" for end in ("a", "b c d", "e f")]
    chats = [[{"role": "user", "content": text}] for text in texts]
    inputs = reader._loaded.tokenizer.apply_chat_template(
        chats, padding=True, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    inputs.pop("token_type_ids", None)
    with torch.inference_mode():
        plain = reader._loaded.model(**inputs).logits[:, -1].float().softmax(-1)
        assert torch.allclose(next_token(reader._loaded, inputs), plain, atol=1e-4)


def test_what_prompts_share_is_read_once_where_all_of_it_is_kept(tmp_path: Path) -> None:
    READERS["llama"](tmp_path / "llama")
    engine = make_engine(EngineSpec("transformers", str(tmp_path / "llama"), device="cpu", dtype="float32"))
    assert isinstance(engine, TransformersEngine)
    read: list[int] = []
    real = engine._loaded.model.forward

    def forward(*args: Any, **values: Any) -> Any:
        read.append(values["input_ids"].numel())
        return real(*args, **values)

    engine._loaded.model.forward = forward
    engine.generate([ask(f"{LONG * 6}{end}") for end in ("a", "b c", "d e f")])
    first, rest = read
    assert first > 2 * rest


def test_a_model_that_only_captions_is_no_judge(tmp_path: Path) -> None:
    name, make = next(iter(CAPTIONERS.items()))
    make(tmp_path / name)
    engine = make_engine(EngineSpec("transformers", str(tmp_path / name), device="cpu", dtype="float32"))
    with pytest.raises(ConfigError, match="only captions"):
        engine.generate([ask("right?")])


def answer(**choice: Any) -> bytes:
    message = {"message": {"role": "assistant", "content": "Yes"}, "finish_reason": "length", **choice}
    return json.dumps(
        {"choices": [message], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}
    ).encode()


def test_a_server_is_asked_for_the_most_probable_tokens_and_one_word() -> None:
    fields = body("m", ask("right?"), "json_schema")
    assert (fields["max_tokens"], fields["logprobs"], fields["top_logprobs"]) == (1, True, 20)
    assert "logprobs" not in body("m", ask("right?", choices=()), "none")
    shown = [{"token": "Yes", "logprob": math.log(0.6)}, {"token": " no", "logprob": math.log(0.3)}]
    reply = read(answer(logprobs={"content": [{"top_logprobs": shown}]}), YES)
    assert reply.chances == pytest.approx({"Yes": 0.6, "No": 0.3})
    assert reply.finish == "stop"


@pytest.mark.parametrize("shown", [None, {}, {"content": []}, {"content": None}])
def test_a_server_that_shows_none_is_taken_at_its_word_and_that_is_said(shown: Any) -> None:
    reply = read(answer(logprobs=shown), YES)
    assert reply.chances == {"Yes": 1.0, "No": 0.0}
    assert "no probabilities" in reply.served


def test_two_captions_differ_by_words_and_neighbours() -> None:
    assert differences("two red apples", "Two red apples.") == 0
    # red / blue, and four pairs: two red, red apples, two blue, blue apples
    assert differences("two red apples", "two blue apples") == 6
    # the same words, and other neighbours
    assert differences("a red cat and a blue dog", "a blue cat and a red dog") == 4


def test_it_sorts_a_list_by_what_differs() -> None:
    text = "Wanted: a red cat\nCandidates: (1) a blue dog (2) a red cat (3) a red dog\nSort."
    (reply,) = make_engine(EngineSpec("overlap", "words")).generate([ask(text, choices=())])
    assert json.loads(reply.text) == {"order": [2, 3, 1]}


WRITTEN = "Wanted: one red cat left of two blue dogs at night"


def written(schema: str, text: str) -> Any:
    """What the judge of the drawn world writes where a schema has this field."""
    asked = replace(ask(text, choices=()), schema={"properties": {schema: {}}})
    (reply,) = make_engine(EngineSpec("overlap", "words")).generate([asked])
    return json.loads(reply.text) if reply.text else reply.error


def test_it_asks_for_phrases_of_the_wanted_caption_and_answers_by_their_words() -> None:
    asked = written("questions", WRITTEN)["questions"]
    # ten words in five questions
    phrases = ["one red", "cat left", "of two", "blue dogs", "at night"]
    assert asked == [{"question": f'Does it say "{one}"?', "expected": True} for one in phrases]
    engine = make_engine(EngineSpec("overlap", "words"))
    question = 'Question: Does it say "blue dogs"?\nCaption: '
    there, apart, within = engine.generate(
        [ask(f"{question}{said}") for said in ("Two blue dogs.", "blue cats, red dogs", "a blue dogsled")]
    )
    assert there.chances["Yes"] == pytest.approx(1 / (1 + math.exp(-3)))
    assert apart.chances["Yes"] == within.chances["Yes"] == pytest.approx(1 / (1 + math.exp(3)))


def test_it_suggests_what_the_best_candidate_lacks() -> None:
    hits = "(1) one red cat (2) one red cat left of two blue dogs by day"
    assert written("suggestion", f"{WRITTEN}\nCandidates: {hits}") == {
        "good": False,
        "suggestion": "show at night",
    }
    assert (
        written("suggestion", f"{WRITTEN}\nCandidate: {WRITTEN[8:]} in snow")["suggestion"]
        == "without in snow"
    )
    assert written("suggestion", f"{WRITTEN}\nCandidate: {WRITTEN[8:]}") == {"good": True, "suggestion": ""}
    assert "no lines" in written("suggestion", WRITTEN)
    assert "no lines" in written("questions", "Candidate: a cat")


def test_the_judge_of_the_drawn_world_is_sure_of_what_is_said_alike() -> None:
    engine = make_engine(EngineSpec("overlap", "words"))
    same, other, none = engine.generate(
        [
            ask("Wanted: a red cat\nCandidate: a red cat\nRight?"),
            ask("Wanted: a red cat\nCandidate: a blue cat\nRight?"),
            ask("Is it?"),
        ]
    )
    assert same.chances["Yes"] == pytest.approx(1 / (1 + math.exp(-3)))
    assert other.chances["Yes"] == pytest.approx(0.5)  # six differences take 0.5 each
    assert none.error


def judged(text: str, **options: Any) -> float:
    """p(Yes) of a candidate, as a logit."""
    (reply,) = make_engine(EngineSpec("overlap", "words", options=options)).generate([ask(text)])
    return math.log(reply.chances["Yes"] / reply.chances["No"])


def test_what_the_request_names_and_the_reasoner_missed_is_looked_for() -> None:
    """The wanted caption forgot the dog: a candidate without one has three differences more."""
    said = "Reference: a red cat\nRequest: add a dog instead\nWanted: a red cat\nCandidate: a red cat\n"
    assert judged(said) == pytest.approx(3.0)
    assert judged(said, names=["cat", "dog"]) == pytest.approx(3.0 - 3 * 0.5)
    # The candidate has it: three differences of words and pairs (and, dog, cat and, and dog), no more.
    found = said.replace("Candidate: a red cat", "Candidate: a red cat and dog")
    assert judged(found, names=["cat", "dog"]) == judged(found) == pytest.approx(3.0 - 4 * 0.5)


def test_what_the_reference_has_may_be_named_to_go_and_other_words_name_nothing() -> None:
    said = "Reference: a red cat\nRequest: no cat but a hill\nWanted: a hill\nCandidate: a hill\n"
    assert judged(said, names=["cat"]) == pytest.approx(3.0)


def test_a_list_is_sorted_by_what_the_request_names_too() -> None:
    text = "Reference: a cat\nRequest: a dog\nWanted: a bird\nCandidates: (1) a cat (2) a dog\nSort."
    engine = make_engine(EngineSpec("overlap", "words", options={"names": ["dog"]}))
    (reply,) = engine.generate([ask(text, choices=())])
    assert json.loads(reply.text) == {"order": [2, 1]}


@pytest.mark.parametrize("names", ["cat", [1]])
def test_names_that_are_no_list_of_words_are_told(names: Any) -> None:
    with pytest.raises(ConfigError, match="names is no list of words"):
        make_engine(EngineSpec("overlap", "words", options={"names": names}))


def test_the_pocket_judge_knows_the_names_of_the_drawn_world() -> None:
    profile = load_profile("pocket")
    assert profile.judge is not None
    things = {form for one in world.CATEGORIES for form in (one, plural(one))}
    assert set(profile.judge.options["names"]) == {*things, *world.COLOURS, *world.SIZES, *NUMBERS}
