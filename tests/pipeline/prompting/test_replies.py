"""What a model thought is no answer, and of several objects the last that fits is meant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline import prompting
from likebut.pipeline.errors import ReplyError
from likebut.pipeline.prompting.replies import objects, without_thoughts
from likebut.pipeline.prompting.reply import read_reply
from likebut.pipeline.records.chat import Reply

ANSWER = '{"target_caption": "a red apple"}'
DRAFT = '{"target_caption": "a pear"}'
PROMPT = prompting.load("reason/cirevl")
CAPTION = prompting.load("describe/short")
LISTS = prompting.load("reason/likebut")


def target(text: str, finish: str = "stop") -> Any:
    return read_reply(PROMPT, Reply(text, finish=finish)).value["target_caption"]


@pytest.mark.parametrize(
    "thought",
    [
        f"<think>{DRAFT}</think>",
        f"{DRAFT} or better:\n</think>",
        f"<thinking>\n{DRAFT}\n</thinking>\n",
        f"◁think▷{DRAFT}◁/think▷",
        f"[THINK]{DRAFT}[/THINK]",
        f"<think>a {{</think>so<think>{DRAFT}</think>",
        f"<think>one <think>two</think> {DRAFT}</think>",
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant"
        "<|channel|>final <|constrain|>json<|message|>",
        f"first I thought {DRAFT}, but then:\n",
        "",
    ],
)
def test_an_answer_is_what_stands_outside_every_thought(thought: str) -> None:
    assert target(thought + ANSWER) == "a red apple"
    assert target(f"{thought}```json\n{ANSWER}\n```") == "a red apple"


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{ANSWER}",
        f"<think>done</think><think>{ANSWER}",
        f"<|channel|>analysis<|message|>{ANSWER}",
        f"{ANSWER}</think>",
        "<think></think>",
    ],
)
def test_a_thought_without_an_end_or_an_answer_is_no_reply(text: str) -> None:
    with pytest.raises(ReplyError):
        target(text)


def test_marks_that_an_answer_quotes_are_its_words() -> None:
    quoted = {"target_caption": "a sign that says <think> or </think>"}
    assert target(json.dumps(quoted)) == quoted["target_caption"]
    assert target("<think>hm</think>" + json.dumps(quoted)) == quoted["target_caption"]


def test_a_caption_loses_its_thoughts_too() -> None:
    read = read_reply(CAPTION, Reply("<think>fruit?</think> a red\napple"))
    assert read.value == "a red apple"
    with pytest.raises(ReplyError, match="never finished"):
        read_reply(CAPTION, Reply("<think>a red apple"))


@given(st.lists(st.text(st.characters(exclude_characters="{}<>[]◁"), max_size=12), max_size=4))
def test_text_without_marks_stays_as_it_is(parts: list[str]) -> None:
    text = "".join(parts)
    assert without_thoughts(text) == text
    assert objects(text + ANSWER + text + DRAFT) == [json.loads(ANSWER), json.loads(DRAFT)]


@pytest.mark.parametrize(
    "finish", ["length", "MAX_TOKENS", "max_tokens", "model_length", "error", "abort", "tool_calls"]
)
def test_only_a_reply_that_came_to_its_end_is_used(finish: str) -> None:
    with pytest.raises(ReplyError):
        target(ANSWER, finish)


@pytest.mark.parametrize("finish", ["stop", "STOP", "eos", "end_turn", ""])
def test_a_whole_reply_may_say_so_in_several_words(finish: str) -> None:
    assert target(ANSWER, finish) == "a red apple"


@pytest.mark.parametrize(
    "changes",
    [
        {"desired": None},
        {"desired": "red"},
        {"forbidden": None, "preserved": 7},
        {"mood": "happy"},
        {"reasoning": None},
    ],
)
def test_a_faulty_list_or_an_extra_key_does_not_cost_the_target_caption(changes: Any) -> None:
    whole = {
        "reasoning": "r",
        "target_caption": "a red apple",
        "desired": ["red"],
        "preserved": [],
        "forbidden": [],
    }
    read = read_reply(LISTS, Reply(json.dumps(whole | changes)))
    assert (read.value["target_caption"], read.repaired) == ("a red apple", True)


@pytest.mark.parametrize("faulty", ['{"desired": ["red"]}', '{"target_caption": " "}', "7", "[]"])
def test_without_a_target_caption_there_is_no_answer(faulty: str) -> None:
    with pytest.raises(ReplyError):
        read_reply(LISTS, Reply(faulty))
