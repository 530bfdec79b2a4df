"""What of a caption a judge is shown."""

from __future__ import annotations

import pytest

from likebut.pipeline.stages.showing import beginning

TEXT = "A red cat. It sleeps! Why? Nobody knows."


@pytest.mark.parametrize(
    ("sentences", "shown"),
    [(0, TEXT), (1, "A red cat."), (2, "A red cat. It sleeps!"), (4, TEXT), (9, TEXT)],
)
def test_so_many_sentences_of_a_caption_are_shown(sentences: int, shown: str) -> None:
    assert beginning(TEXT, sentences) == shown


@pytest.mark.parametrize("text", ["a red cat", "v1.5 of 2.0 cats", ""])
def test_a_caption_of_one_sentence_is_shown_whole(text: str) -> None:
    assert beginning(text, 1) == text


def test_sentences_end_without_a_space_where_a_language_has_none() -> None:
    assert beginning("一只红猫。它在睡觉。", 1) == "一只红猫。"
