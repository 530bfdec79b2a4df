"""Token counts of prompts, by tokenizers that are on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from likebut.pipeline import prompting
from likebut.pipeline.config.files import load_profile
from likebut.pipeline.errors import ModelError
from likebut.pipeline.records.chat import Message
from likebut.pipeline.setup.prompt_cost import (
    Tokens,
    count,
    given_text,
    model_for,
    moves_system,
    tokenizer_of,
)
from tests.pipeline.engines import tiny


def prompt(tmp_path: Path, text: str) -> prompting.Prompt:
    path = tmp_path / "mine.j2"
    path.write_text(f'+++\nvariables = ["caption"]\n+++\n{text}')
    return prompting.load(str(path))


def test_tokens_are_counted_by_hand(tmp_path: Path) -> None:
    mine = prompt(tmp_path, "=== system ===\nbe short\n=== user ===\na red {{ caption }} !")
    # <|im_start|>system be short<|im_end|> is 5; <|im_start|>user a red … is 4 up to the caption, which
    # has 10 words in the sample; then ! <|im_end|> <|im_start|>assistant.
    assert count(mine, tiny.tokenizer()) == Tokens(whole=5 + 4 + 10 + 4, fixed=5 + 4)


@pytest.mark.parametrize("template", [tiny.NO_SYSTEM, tiny.SILENT])
def test_a_template_without_a_system_role_is_given_its_words_all_the_same(template: str) -> None:
    from likebut.pipeline.engines.turns import chat_text

    messages = (Message("system", "be short"), Message("user", "a red apple"))
    shown = chat_text(tiny.tokenizer(template), messages)
    assert shown == "<|im_start|>user be short\n\na red apple<|im_end|>"


def test_it_is_told_whether_a_system_message_goes_into_the_first_turn(tmp_path: Path) -> None:
    mine = prompt(tmp_path, "=== system ===\nbe short\n=== user ===\n{{ caption }}")
    told = [moves_system(mine, tiny.tokenizer(t)) for t in (tiny.CHAT, tiny.NO_SYSTEM, tiny.SILENT)]
    assert told == [False, True, True]


def test_describe_prompts_go_to_the_captioner_and_others_to_the_reasoner() -> None:
    profile = load_profile("pocket")
    assert model_for(prompting.load("describe/dense"), profile).model == "pocket:captioner"
    assert model_for(prompting.load("reason/likebut"), profile).model == "pocket:reasoner"


def test_the_pocket_reasoner_is_given_the_user_message_alone() -> None:
    mine = prompting.load("reason/likebut")
    messages = prompting.render(mine, {"caption": "a red apple", "modification": "make it blue"})
    assert given_text(messages, load_profile("pocket").reasoner) == (
        "<user>Caption: a red apple\nModification: make it blue<assistant>"
    )


def test_a_model_that_is_not_here_or_takes_no_text_is_told() -> None:
    with pytest.raises(ModelError, match=r"1\.5B-Instruct is not on this machine"):
        tokenizer_of(load_profile("cpu").reasoner)
    with pytest.raises(ModelError, match="takes no text"):
        tokenizer_of(load_profile("pocket").captioner)
