"""A judge without a model: yes, where two captions say the same in the same words.

For captioners whose captions of one thing are always one text, as that of the drawn world: there it
says which of the wanted facts a picture lacks. The prompt has a line for each of the two captions, and
where it has lines of the reference and the request, too, it is not left to the wanted caption alone:
what the request names and the reference lacks is wanted, even where the reasoner missed it.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Sequence

from ..errors import ConfigError
from ..records.chat import REFUSED, Reply
from .choices import likeliest
from .contract import EngineSpec, OnReply, Request
from .options import check_names

OPTIONS = ("sure", "doubt", "names")
NAMED = 3  # differences: a word that is missing in a caption takes the pairs on both sides with it
_LIST = re.compile(r"^Wanted: ([^\n]*)$.*^Candidates: ([^\n]*)$", re.MULTILINE | re.DOTALL)
_LINES = re.compile(r"^Wanted: ([^\n]*)$.*^Candidate: ([^\n]*)$", re.MULTILINE | re.DOTALL)
_ASKED = re.compile(r"^Reference: ([^\n]*)\nRequest: ([^\n]*)$", re.MULTILINE)


class OverlapEngine:
    """p(Yes) by the words and pairs of neighbouring words that only one of two captions has.

    Options: ``sure`` is the logit of two equal captions, ``doubt`` what one difference takes from it,
    ``names`` the words by which a request names things; none is looked for where they are not given.
    """

    sees = False

    def __init__(self, spec: EngineSpec) -> None:
        check_names(spec.options, OPTIONS)
        self.sure = float(spec.options.get("sure", 3.0))
        self.doubt = float(spec.options.get("doubt", 0.5))
        names = spec.options.get("names", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConfigError("engine option names is no list of words", 'as in names = ["cat", "red"]')
        self.names = frozenset(names)

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
            return _ordered(listed[1], listed[2], self._named(text))
        found = _LINES.search(text)
        if found is None or len(request.choices) != 2:
            return Reply("", finish=REFUSED, error="the prompt has no lines `Wanted:` and `Candidate:`")
        wanted, candidate = found.groups()
        logit = self.sure - self.doubt * _against(wanted, candidate, self._named(text))
        yes = 1 / (1 + math.exp(-max(-30.0, logit)))
        chances = dict(zip(request.choices, (yes, 1 - yes), strict=True))
        return Reply(likeliest(chances), len(text.split()), 1, chances=chances)

    def _named(self, prompt: str) -> frozenset[str]:
        """What the request names and the reference's caption does not have."""
        asked = _ASKED.search(prompt)
        return self.names & (set(_words(asked[2])) - set(_words(asked[1]))) if asked else frozenset()


def _ordered(wanted: str, candidates: str, named: frozenset[str]) -> Reply:
    """The numbers of "(1) a red cat (2) …", the one that has the least against it first."""
    captions = dict(re.findall(r"\((\d+)\) (.*?)(?= \(\d+\) |$)", candidates))
    order = sorted(captions, key=lambda number: (_against(wanted, captions[number], named), int(number)))
    return Reply(
        json.dumps({"order": [int(number) for number in order]}), len(candidates.split()), len(order)
    )


def _against(wanted: str, candidate: str, named: frozenset[str]) -> int:
    return differences(wanted, candidate) + NAMED * len(named - set(_words(candidate)))


def differences(first: str, second: str) -> int:
    """How many words, and pairs of neighbouring words, one text has and the other lacks."""
    one, other = (_parts(text) for text in (first, second))
    return sum(((one - other) + (other - one)).values())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _parts(text: str) -> Counter[tuple[str, ...]]:
    words = _words(text)
    return Counter([(word,) for word in words] + list(itertools.pairwise(words)))
