"""The chat-completions format of OpenAI-compatible servers: requests written, answers read.

Checked against the OpenAI API reference, "Create chat completion". No network here.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ..errors import InputError
from ..records.chat import Message, Reply
from .choices import SHOWN, chances_of, likeliest
from .constraining import closed
from .contract import Request
from .pictures import data_url


class BrokenAnswer(Exception):
    """A body that is cut, or no chat completion."""


class Complaint(Exception):
    """A server's error in the place of an answer; ``code`` is its HTTP status, 0 where none is told."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.words, self.code = words, code


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
    if request.choices:
        fields |= {"max_tokens": 1, "logprobs": True, "top_logprobs": SHOWN}
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


def read(content: bytes, choices: tuple[str, ...] = ()) -> Reply:
    """The reply in a body; of a server that shows no probabilities the one word that it gave.

    Raises BrokenAnswer where it is cut, or no chat completion, and Complaint where it is an error.
    """
    try:
        record = _record(content)
        _check_error(record)
        choice = record["choices"][0]
        message = choice["message"]
        usage = record.get("usage")
        reply = Reply(
            text=_said(message.get("content")).strip(),
            prompt_tokens=_count(usage, "prompt_tokens"),
            reply_tokens=_count(usage, "completion_tokens"),
            finish=str(choice.get("finish_reason") or "stop"),
            served=" ".join(
                str(record[name]) for name in ("model", "system_fingerprint") if record.get(name)
            ),
        )
        refusal = message.get("refusal")
        if choices and not refusal:
            reply = _weighed(reply, choices, choice.get("logprobs"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        raise BrokenAnswer from problem
    return Reply(**{**vars(reply), "finish": "content_filter"}) if refusal else reply


def _weighed(reply: Reply, choices: tuple[str, ...], shown: Any) -> Reply:
    """With the chances of the choices."""
    first = ((shown or {}).get("content") or [{}])[0]
    pairs = [(one["token"], float(one["logprob"])) for one in first.get("top_logprobs") or ()]
    word = "".join(reply.text.split()[:1]).strip(".,!")
    chances = chances_of(choices, pairs or [(word, 0.0)])
    served = reply.served if pairs else f"{reply.served}; no probabilities".removeprefix("; ")
    told = {"text": likeliest(chances), "chances": chances, "finish": "stop", "served": served}
    return Reply(**{**vars(reply), **told})


def _check_error(record: Any) -> None:
    """Raises Complaint for an error that came as if all were well."""
    choices = record.get("choices")
    failed = next((one for one in (record, *(choices or ())) if one.get("error")), None)
    if failed is None and not choices and complaint(record):
        failed = record
    if failed is not None:
        inner = failed.get("error")
        codes = [
            str(one.get(name, ""))
            for one in (inner, failed)
            if isinstance(one, dict)
            for name in ("code", "status")
        ]
        code = next((int(text) for text in codes if re.fullmatch("[45][0-9][0-9]", text)), 0)
        raise Complaint(complaint(failed) or "an error without a word", code)


def _record(content: bytes) -> Any:
    """The completion in a body, or the one that an event stream (sent unasked) adds up to."""
    if not content.lstrip().startswith(b"data:"):
        return json.loads(content)
    lines = [line.partition(b":")[2].strip() for line in content.split(b"\n") if line[:5] == b"data:"]
    chunks = [json.loads(line) for line in lines if line != b"[DONE]"]
    if failed := next((chunk for chunk in chunks if chunk.get("error")), None):
        return failed
    if not chunks or lines[-1] != b"[DONE]":
        raise BrokenAnswer("the stream was cut")
    choices = [chunk["choices"][0] for chunk in chunks if chunk.get("choices")]
    said = "".join(_said((one.get("delta") or {}).get("content")) for one in choices)
    ends = [one["finish_reason"] for one in choices if one.get("finish_reason")]
    usage = next((chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage")), None)
    whole = {"message": {"content": said}, "finish_reason": ends[-1] if ends else "cut"}
    return {**chunks[0], "choices": [whole], "usage": usage}


def _said(content: Any) -> str:
    """The text of a message: a text, or a list of parts. Raises TypeError for what is neither."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = [part if isinstance(part, str) else part.get("text") for part in content]
    return "".join(text for text in texts if isinstance(text, str))


def _count(usage: Any, name: str) -> int:
    """A count of tokens; 0 where the server's bookkeeping is odd: the answer is as good."""
    value = usage.get(name) if isinstance(usage, dict) else None
    whole = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return int(value) if whole else 0  # type: ignore[arg-type]


def complaint(body: Any) -> str:
    """What an error's body says, on one line, wherever a server puts it; empty where it says nothing."""
    found = body
    for _ in range(4):
        if isinstance(found, list):
            found = found[0] if found else None
        elif isinstance(found, dict):
            found = next(
                (found[name] for name in ("message", "error", "detail", "msg") if found.get(name)), None
            )
    return " ".join(found.split()) if isinstance(found, str) else ""
