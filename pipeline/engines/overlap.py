"""A judge without a model: yes, where two captions say the same in the same words.

For captioners whose captions of one thing are always one text, as that of the drawn world: there it
says which of the wanted facts a picture lacks. The prompt has a line for each of the two captions, and
where it has lines of the reference and the request, too, it is not left to the wanted caption alone:
what the request names and the reference lacks is wanted, even where the reasoner missed it. It sorts a
list of captions, asks for phrases of the wanted one, and suggests what the best hit lacks, too.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError
from ..records.chat import REFUSED, Reply
from .choices import likeliest
from .contract import EngineSpec, OnReply, Request, one_by_one
from .options import check_names

OPTIONS = ("sure", "doubt", "names")
NAMED = 3  # differences: a word that is missing in a caption takes the pairs on both sides with it
_WANTED = re.compile(r"^Wanted: ([^\n]*)$", re.MULTILINE)
_SHOWN = re.compile(r"^Candidates?: ([^\n]*)$", re.MULTILINE)
_REQUEST = re.compile(r"^Reference: ([^\n]*)\nRequest: ([^\n]*)$", re.MULTILINE)
_ASKED = re.compile(r'^Question: [^"\n]*"([^"\n]*)"[^\n]*\nCaption: ([^\n]*)', re.MULTILINE)
_NUMBERED = re.compile(r"\((\d+)\) (.*?)(?= \(\d+\) |$)")
_FIELDS, _QUESTIONS = ("questions", "suggestion"), 5


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
        """The chances of each request's first and second choice, or the JSON that its schema asks for.

        An error where a prompt has no captions to compare.
        """
        return one_by_one(requests, self._answer, on_reply)

    def _answer(self, request: Request) -> Reply:
        text = request.messages[-1].text
        wanted, shown = (
            found[-1] if found else None for found in (_WANTED.findall(text), _SHOWN.findall(text))
        )
        if len(request.choices) == 2:
            return self._chosen(request, text, wanted, shown)
        fields = (request.schema or {}).get("properties", {})
        asks, checks = (field in fields for field in _FIELDS)
        if wanted is None or (shown is None and not asks):
            return _lost()
        named = self._named(text)
        if shown is None:
            value: Any = {_FIELDS[0]: questions(wanted)}
        elif checks:
            lacking = suggested(wanted, _sorted(wanted, shown, named)[0][1])
            value = {"good": not lacking, "suggestion": lacking}
        else:
            value = {"order": [number for number, _ in _sorted(wanted, shown, named)]}
        return Reply(json.dumps(value), len(text.split()), 1)

    def _chosen(self, request: Request, text: str, wanted: str | None, shown: str | None) -> Reply:
        if wanted is not None and shown is not None:
            logit = self.sure - self.doubt * _against(wanted, shown, self._named(text))
        elif asked := _ASKED.search(text):
            phrase, caption = asked.groups()
            logit = self.sure if says(caption, phrase) else -self.sure
        else:
            return _lost()
        yes = 1 / (1 + math.exp(-max(-30.0, logit)))
        chances = dict(zip(request.choices, (yes, 1 - yes), strict=True))
        return Reply(likeliest(chances), len(text.split()), 1, chances=chances)

    def _named(self, prompt: str) -> frozenset[str]:
        """What the request names and the reference's caption does not have."""
        asked = _REQUEST.findall(prompt)
        if not asked:
            return frozenset()
        reference, request = asked[-1]
        return self.names & (set(_words(request)) - set(_words(reference)))


def _lost() -> Reply:
    return Reply("", finish=REFUSED, error="the prompt has no lines `Wanted:` and `Candidate:`")


def _sorted(wanted: str, shown: str, named: frozenset[str]) -> list[tuple[int, str]]:
    """(number, caption) of "(1) a red cat (2) …", or of one caption; the least against it first."""
    listed = [(int(number), caption) for number, caption in _NUMBERED.findall(shown)] or [(1, shown)]
    return sorted(listed, key=lambda one: (_against(wanted, one[1], named), one[0]))


def questions(wanted: str) -> list[dict[str, Any]]:
    """A question about each phrase of a caption, _QUESTIONS at most, all to be answered with yes."""
    words = _words(wanted)
    size = math.ceil(len(words) / _QUESTIONS) or 1
    phrases = [" ".join(words[start : start + size]) for start in range(0, len(words), size)]
    return [{"question": f'Does it say "{phrase}"?', "expected": True} for phrase in phrases]


def says(caption: str, phrase: str) -> bool:
    """Whether a caption has the words of a phrase one after the other."""
    return f" {' '.join(_words(phrase))} " in f" {' '.join(_words(caption))} "


def suggested(wanted: str, shown: str) -> str:
    """The words that a caption lacks, else those that it has besides; nothing where it has just these."""
    one, other = Counter(_words(wanted)), Counter(_words(shown))
    for verb, words in (("show", one - other), ("without", other - one)):
        if words:
            return f"{verb} {' '.join(words)}"
    return ""


def _against(wanted: str, candidate: str, named: frozenset[str]) -> int:
    return differences(wanted, candidate) + NAMED * len(named - set(_words(candidate)))


def differences(first: str, second: str) -> int:
    """How many words, and pairs of neighbouring words, one text has and the other lacks."""
    one, other = (_parts(text) for text in (first, second))
    return sum(((one - other) + (other - one)).values())


def _parts(text: str) -> Counter[tuple[str, ...]]:
    words = _words(text)
    return Counter([(word,) for word in words] + list(itertools.pairwise(words)))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
