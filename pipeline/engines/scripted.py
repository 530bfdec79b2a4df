"""Answers from a script instead of a model: for tests, for replays, for trying a prompt by hand.

The script is a list of {"match": regular expression, "reply": text}, in options["replies"] or in
the JSON file that the spec names as its model. The first match in the last message answers. An
entry may have a "finish" ("length": the reply was cut), or an "error" instead of a reply; "chances"
({"Yes": 0.9}) answer a request with choices, and a reply that is one of them is sure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, ModelError
from ..records.chat import FAILED, Reply
from .choices import likeliest
from .contract import EngineSpec, OnReply, Request, one_by_one


class ScriptedEngine:
    """The engine of a script; it accepts images and never looks at them."""

    sees = True

    def __init__(self, spec: EngineSpec) -> None:
        entries = spec.options.get("replies")
        if entries is None:
            path = Path(spec.model)
            try:
                entries = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as problem:
                raise InputError(f"cannot read the script {path}: {problem}") from problem
        self.script = [(re.compile(entry["match"], re.DOTALL), entry) for entry in entries]

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """The scripted reply of each request. Raises ModelError where nothing matches."""
        return one_by_one(requests, self._answer, on_reply)

    def _answer(self, request: Request) -> Reply:
        message = request.messages[-1]
        asked = "\n".join([*(image.name for image in message.images), message.text])
        for pattern, entry in self.script:
            if pattern.search(asked):
                return _reply(entry, asked, request.choices)
        raise ModelError(f"the script has no answer to {asked[:80]!r}", "add an entry that matches")


def _reply(entry: Mapping[str, Any], asked: str, choices: tuple[str, ...]) -> Reply:
    if "error" in entry:
        return Reply("", finish=entry.get("finish", FAILED), error=entry["error"])
    if choices:
        sure = {choice: float(choice == entry.get("reply")) for choice in choices}
        chances = {**sure, **entry.get("chances", {})}
        return Reply(likeliest(chances), len(asked.split()), 1, chances=chances)
    text = entry["reply"]
    return Reply(text, len(asked.split()), len(text.split()), finish=entry.get("finish", "stop"))
