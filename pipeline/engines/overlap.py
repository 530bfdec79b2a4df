"""A judge without a model: yes, where two captions say the same in the same words.

For captioners whose captions of one thing are always one text, as that of the drawn world: there it
says which of the wanted facts a picture lacks. The prompt has a line for each of the two captions.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Sequence

from ..records.chat import REFUSED, Reply
from .choices import likeliest
from .contract import EngineSpec, OnReply, Request
from .options import check_names

OPTIONS = ("sure", "doubt")
_LIST = re.compile(r"^Wanted: ([^\n]*)$.*^Candidates: ([^\n]*)$", re.MULTILINE | re.DOTALL)
_LINES = re.compile(r"^Wanted: ([^\n]*)$.*^Candidate: ([^\n]*)$", re.MULTILINE | re.DOTALL)


class OverlapEngine:
    """p(Yes) by the words and pairs of neighbouring words that only one of two captions has.

    Options: ``sure`` is the logit of two equal captions, ``doubt`` what one difference takes from it.
    """

    sees = False

    def __init__(self, spec: EngineSpec) -> None:
        check_names(spec.options, OPTIONS)
        self.sure = float(spec.options.get("sure", 3.0))
        self.doubt = float(spec.options.get("doubt", 0.5))

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        """The chances of each request's first and second choice, or the order of a list of captions.

        An error where a prompt has no captions to compare.
        """
        replies = [self._answer(request) for request in requests]
        for place, reply in enumerate(replies if on_reply else ()):
            on_reply(place, reply)  # type: ignore[misc]
        return replies

    def _answer(self, request: Request) -> Reply:
        text = request.messages[-1].text
        if not request.choices and (listed := _LIST.search(text)):
            return _ordered(*listed.groups())
        found = _LINES.search(text)
        if found is None or len(request.choices) != 2:
            return Reply("", finish=REFUSED, error="the prompt has no lines `Wanted:` and `Candidate:`")
        logit = self.sure - self.doubt * differences(*found.groups())
        yes = 1 / (1 + math.exp(-max(-30.0, logit)))
        chances = dict(zip(request.choices, (yes, 1 - yes), strict=True))
        return Reply(likeliest(chances), len(text.split()), 1, chances=chances)


def _ordered(wanted: str, candidates: str) -> Reply:
    """The numbers of "(1) a red cat (2) …", the one with the fewest differences first."""
    captions = dict(re.findall(r"\((\d+)\) (.*?)(?= \(\d+\) |$)", candidates))
    order = sorted(captions, key=lambda number: (differences(wanted, captions[number]), int(number)))
    return Reply(
        json.dumps({"order": [int(number) for number in order]}), len(candidates.split()), len(order)
    )


def differences(first: str, second: str) -> int:
    """How many words, and pairs of neighbouring words, one text has and the other lacks."""
    one, other = (_parts(text) for text in (first, second))
    return sum(((one - other) + (other - one)).values())


def _parts(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return Counter([(word,) for word in words] + list(itertools.pairwise(words)))
