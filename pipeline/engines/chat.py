"""The chat-completions format of OpenAI-compatible servers: requests written, answers read.

Checked against the OpenAI API reference, "Create chat completion". No network here.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.engines.constraining import closed
from pipeline.engines.contract import Request
from pipeline.engines.pictures import data_url
from pipeline.errors import InputError
from pipeline.records import Message, Reply


class BrokenAnswer(Exception):
    """A body that is cut, or no chat completion."""


def body(model: str, request: Request, structured: str) -> dict[str, Any]:
    """The JSON body of a request. ``structured``: "json_schema", "json_object" or "none".

    Raises BadImage for a file that is no picture, InputError for words that are no text.
    """
    sampling = request.sampling
    fields: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in request.messages],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }
    if request.schema is not None and structured == "json_schema":
        # Without "strict": hosted servers refuse strict schemas that use any keyword beyond their
        # own short list, and local ones (vLLM, llama.cpp, Ollama) hold to the schema anyway.
        schema = {"name": "reply", "schema": closed(request.schema)}
        fields["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif request.schema is not None and structured == "json_object":
        fields["response_format"] = {"type": "json_object"}
    return fields


def _message(message: Message) -> dict[str, Any]:
    """Plain text, or parts with the images first, as data URLs."""
    try:
        message.text.encode()
    except UnicodeEncodeError as problem:
        raise InputError("the prompt holds half a character (a lone surrogate)") from problem
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": data_url(path)}} for path in message.images
    ]
    return {"role": message.role, "content": [*parts, {"type": "text", "text": message.text}]}


def read(content: bytes) -> Reply:
    """The reply in a body. Raises BrokenAnswer where it is cut, or no chat completion."""
    try:
        record = json.loads(content)
        choice = record["choices"][0]
        message = choice["message"]
        usage = record.get("usage") or {}
        reply = Reply(
            text=(message.get("content") or "").strip(),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            reply_tokens=int(usage.get("completion_tokens") or 0),
            finish=str(choice.get("finish_reason") or "stop"),
            served=" ".join(
                str(record[name]) for name in ("model", "system_fingerprint") if record.get(name)
            ),
        )
        refusal = message.get("refusal")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        raise BrokenAnswer from problem
    return Reply(**{**vars(reply), "finish": "content_filter"}) if refusal else reply
