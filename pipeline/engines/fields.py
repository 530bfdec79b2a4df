"""The fields of a request as one server takes them: renamed, left out, added; learnt from refusals.

Servers differ in three fields that all used to know: ``max_tokens`` is ``max_completion_tokens``
elsewhere, and some models take no ``temperature`` or no ``seed``. A profile may say so (``rename``,
``omit``, ``extra_body``); where it does not, the server's own words do, once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

OTHER_NAMES = {"max_tokens": "max_completion_tokens"}
OPTIONAL = ("seed", "temperature")
_ALWAYS = ("model", "messages")
_REFUSED = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|not permitted|not allowed|invalid|"
    r"extra inputs|does not (?:take|accept)|deprecated|only the default",
    re.IGNORECASE,
)


class Fields:
    """How bodies are shaped for one server, and what was learnt about it."""

    def __init__(self, rename: Mapping[str, str], omit: Sequence[str], extra: Mapping[str, Any]) -> None:
        self.rename, self.omit, self.extra = dict(rename), list(omit), dict(extra)
        self.learnt: list[str] = []

    def shaped(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the client is given; it knows few names, and sends all of ``extra_body`` as it is."""
        rest = {
            self.rename.get(name, name): value
            for name, value in body.items()
            if name not in (*_ALWAYS, *self.omit)
        }
        return {name: body[name] for name in _ALWAYS} | {"extra_body": rest | self.extra}

    def learn(self, said: str) -> bool:
        """Take a refusal's words to heart; whether another try will be asked in another way."""
        if not _REFUSED.search(said):
            return False
        for name, other in OTHER_NAMES.items():
            named = re.search(rf"\b{name}\b", said)
            if named and name not in self.rename and name not in self.omit:
                self.rename[name] = other
                self.learnt.append(f"{other} for {name}")
                return True
        for name in OPTIONAL:
            if re.search(rf"\b{name}\b", said) and name not in self.omit:
                self.omit.append(name)
                self.learnt.append(f"no {name}")
                return True
        return False
