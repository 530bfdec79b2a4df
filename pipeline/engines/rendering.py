"""Chats as the inputs of a transformers model: rendered by its own template, padded on the left.

Marks that steer a model (<|im_end|>, <image>) are words when they stand in a user's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from inspect import signature
from typing import Any

from ...indexes.errors import first_line
from ..errors import InputError
from .contract import Request
from .loading import Loaded
from .pictures import pictures
from .turns import Chat, heard, turn

SANITIZE = "sanitize_control_tokens"


def model_inputs(requests: Sequence[Request], loaded: Loaded, template: Mapping[str, Any]) -> Any:
    """Tensors by name. ``template`` holds arguments of the chat template (enable_thinking, …).

    Raises BadImage, and InputError for a picture that the processor refuses (its shape, often).
    """
    try:
        return _inputs(requests, loaded, template)
    except (ValueError, ArithmeticError, RuntimeError) as problem:
        if not any(message.images for request in requests for message in request.messages):
            raise
        said = first_line(problem, 200)
        raise InputError(f"the model's processor refuses the picture: {said}") from problem


def _inputs(requests: Sequence[Request], loaded: Loaded, template: Mapping[str, Any]) -> Any:
    if loaded.sort == "captioner":
        images = [image for r in requests for m in r.messages for image in pictures(m)]
        return loaded.processor(images=images, return_tensors="pt").to(dtype=loaded.model.dtype)
    shown = loaded.sort == "chat"
    chats = [[turn(m, shown) for m in request.messages] for request in requests]
    tells = loaded.tokenizer if loaded.sort == "text" else loaded.processor
    return _sanitized([heard(chat, tells, template) for chat in chats], loaded, template)


def _sanitized(chats: list[Chat], loaded: Loaded, template: Mapping[str, Any]) -> Any:
    """Inputs in which a user's marks are words, by the library where it can.

    It cannot where a processor asks for places of characters (Idefics3), where the tokenizer adds
    the first mark and not the template (LLaVA 1.5), or where a mark is the only way to spell it;
    and before transformers 5.20 (processors: 5.23) it takes the wish for a word of the template.
    """
    tells = loaded.tokenizer if loaded.sort == "text" else loaded.processor
    if SANITIZE in signature(tells.apply_chat_template).parameters:
        with suppress(ValueError, NotImplementedError):
            return _tokenized(chats, loaded, {**template, SANITIZE: True})
    marks = _marks(loaded.tokenizer)
    return _tokenized([_defused(chat, marks) for chat in chats], loaded, template)


def _tokenized(chats: list[Chat], loaded: Loaded, options: Mapping[str, Any]) -> Any:
    asked: dict[str, Any] = {
        "tokenize": True,
        "return_dict": True,
        "return_tensors": "pt",
        "add_generation_prompt": True,
        **options,
    }
    if loaded.sort == "text":
        inputs = loaded.tokenizer.apply_chat_template(chats, padding=True, **asked)
        inputs.pop("token_type_ids", None)
        return inputs
    write, padding = loaded.processor.apply_chat_template, {"padding": True, "padding_side": "left"}
    apart = "processor_kwargs" in signature(write).parameters  # before transformers 5.4: among all
    inputs = write(chats, **asked, **({"processor_kwargs": padding} if apart else padding))
    return inputs.to(dtype=loaded.model.dtype)


def _marks(tokenizer: Any) -> list[str]:
    """The special tokens that can be broken, the longest first."""
    added = tokenizer.added_tokens_decoder.values()
    marks = {str(token.content) for token in added if token.special} | {*tokenizer.all_special_tokens}
    return sorted((mark for mark in marks if len(mark) > 1), key=len, reverse=True)


def _defused(chat: Chat, marks: Sequence[str]) -> Chat:
    """The chat with a space inside every mark of its texts."""

    def broken(text: str) -> str:
        while found := next((mark for mark in marks if mark in text), None):
            text = text.replace(found, f"{found[0]} {found[1:]}")
        return text

    def part(value: Any) -> Any:
        return {**value, "text": broken(value["text"])} if value["type"] == "text" else value

    return [
        {
            **turn,
            "content": broken(turn["content"])
            if isinstance(turn["content"], str)
            else [part(value) for value in turn["content"]],
        }
        for turn in chat
    ]
