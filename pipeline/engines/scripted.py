"""Answers from a script instead of a model: for tests, for replays, for trying a prompt by hand.

The script is a list of {"match": regular expression, "reply": text}, in options["replies"] or in
the JSON file that the spec names as its model. The first match in the last message answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.engines.contract import EngineSpec, Request
from pipeline.errors import InputError, ModelError
from pipeline.records import Reply


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
        self.script = [(re.compile(entry["match"], re.DOTALL), entry["reply"]) for entry in entries]

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """The scripted reply of each request. Raises ModelError where nothing matches."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Reply:
        message = request.messages[-1]
        asked = "\n".join([*(image.name for image in message.images), message.text])
        for pattern, reply in self.script:
            if pattern.search(asked):
                return Reply(reply, len(asked.split()), len(reply.split()))
        raise ModelError(f"the script has no answer to {asked[:80]!r}", "add an entry that matches")
