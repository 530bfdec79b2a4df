"""Messages in the form of chat templates, and the text that a template makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.engines.pictures import pictures
from pipeline.records import Message


def turn(message: Message, shown: bool) -> dict[str, Any]:
    """A message in the form of chat templates: plain text, or parts with the images first."""
    if not shown:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [{"type": "image", "image": p} for p in pictures(message)]
    return {"role": message.role, "content": [*parts, {"type": "text", "text": message.text}]}


def without_system(chat: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The chat with its system message at the head of the next one."""
    if len(chat) < 2 or chat[0]["role"] != "system":
        return chat
    system, first = chat[0]["content"], chat[1]["content"]
    if isinstance(system, str):
        return [{**chat[1], "content": f"{system}\n\n{first}"}, *chat[2:]]
    images = [part for part in first if part["type"] == "image"]
    texts = [part for part in (*system, *first) if part["type"] == "text"]
    return [{**chat[1], "content": [*images, *texts]}, *chat[2:]]


def chat_text(tokenizer: Any, messages: Sequence[Message]) -> str:
    """What a model is given for these messages, words of people still among its marks.

    An engine reads a mark such as <|im_end|> in a person's words as words.
    """
    from jinja2 import TemplateError

    chat = [turn(message, False) for message in messages]
    options = {"tokenize": False, "add_generation_prompt": True}
    try:
        return str(tokenizer.apply_chat_template(chat, **options))
    except TemplateError:
        return str(tokenizer.apply_chat_template(without_system(chat), **options))
