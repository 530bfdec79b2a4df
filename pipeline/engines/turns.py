"""Messages in the form of chat templates, and the text that a template makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..machine import models
from ..records.chat import Message
from .pictures import pictures


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


Chat = list[dict[str, Any]]
# A word that stands in nobody's prompt, and that no template rewrites.
_MARK = "qzsystemqz7041"


def drops_system(chat: Chat, tells: Any, options: Mapping[str, Any]) -> bool:
    """Whether a chat template refuses the system message of a chat, or leaves it out in silence.

    ``tells`` is a tokenizer or processor. A mark is written in the message's place, and looked for
    in the text. The pocket reasoner knows its task by heart: its template leaves it out on purpose.
    """
    from jinja2 import TemplateError

    if not chat or chat[0]["role"] != "system" or _by_heart(tells):
        return False
    plain = isinstance(chat[0]["content"], str)
    mark: Any = _MARK if plain else [{"type": "text", "text": _MARK}]
    try:
        return _MARK not in _written([{**chat[0], "content": mark}, *chat[1:]], tells, options)
    except (TemplateError, TypeError):  # a template that adds texts cannot add parts
        return True


def heard(chat: Chat, tells: Any, options: Mapping[str, Any]) -> Chat:
    """The chat so that its template tells all of it: the system's words in the first turn if need be."""
    return without_system(chat) if drops_system(chat, tells, options) else chat


def for_template(messages: Sequence[Message], tells: Any, options: Mapping[str, Any]) -> list[Message]:
    """The same for messages whose form, text or parts, an engine chooses by the template itself."""
    given = list(messages)
    if len(given) < 2 or not getattr(tells, "chat_template", None):
        return given
    if not all(
        drops_system([turn(Message(m.role, m.text), shown) for m in given], tells, options)
        for shown in (False, True)
    ):
        return given
    system, first = given[0], given[1]
    return [Message(first.role, f"{system.text}\n\n{first.text}", first.images), *given[2:]]


def _by_heart(tells: Any) -> bool:
    own = models.POCKET / "reasoner" / "chat_template.jinja"
    return getattr(tells, "chat_template", None) == own.read_text(encoding="utf-8")


def _written(chat: Chat, tells: Any, options: Mapping[str, Any]) -> str:
    asked = {"tokenize": False, "add_generation_prompt": True, **options}
    return str(tells.apply_chat_template(chat, **asked))


def chat_text(tokenizer: Any, messages: Sequence[Message]) -> str:
    """What a model is given for these messages, words of people still among its marks.

    An engine reads a mark such as <|im_end|> in a person's words as words.
    """
    return _written(heard(_chat(messages), tokenizer, {}), tokenizer, {})


def says_nothing_of_system(tokenizer: Any, messages: Sequence[Message]) -> bool:
    """Whether the system's words reach a model in the first turn alone, for want of a role."""
    return drops_system(_chat(messages), tokenizer, {})


def _chat(messages: Sequence[Message]) -> Chat:
    return [turn(message, False) for message in messages]
