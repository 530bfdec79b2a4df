"""Which thing, if one knew whether it is wanted, tells hits apart best."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from .phrases import ATTRIBUTES, Phrase, phrases, stem, stems

_ARTICLE = re.compile(r"\b(an?|the)\s+$", re.IGNORECASE)


def gain(shares: Sequence[float], shown: Sequence[bool]) -> float:
    """Bits that the answer to "does it show this?" is worth: the entropy of the share of hits that do.

    ``shares`` are how likely each hit is to be the wanted one, and add up to 1. From 0 to 1; the same for
    what is shown and for what is not.
    """
    p = sum(share for share, yes in zip(shares, shown, strict=True) if yes)
    p = min(1.0, max(0.0, p))
    return -sum(q * math.log2(q) for q in (p, 1 - p) if 0 < q < 1)


def likelihoods(scores: Sequence[float], spread: float = 1.0) -> list[float]:
    """Shares of scores that add up to 1: the softmax over standard deviations of them, over ``spread``."""
    mean = sum(scores) / len(scores)
    deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / len(scores)) or 1.0
    raised = [math.exp((score - max(scores)) / (deviation * spread)) for score in scores]
    return [one / sum(raised) for one in raised]


def things(captions: Sequence[str]) -> dict[str, list[bool]]:
    """Phrase → which captions show it, in the order in which phrases come up first.

    A caption shows a phrase whose words are all in one phrase of its own, endings aside. An attribute that
    no article says to be a thing is none: "an orange" is, "dressed in orange" is not.
    """
    known = [[{stem(word) for word in one.words} for one in phrases(text)] for text in captions]
    found: dict[str, list[bool]] = {}
    alike: dict[frozenset[str], str] = {}
    for text in captions:
        for phrase in phrases(text):
            if phrase.thing in ATTRIBUTES and not _article(phrase, text):
                continue
            for name in dict.fromkeys((phrase.text, phrase.thing)):
                words = frozenset(stem(word) for word in name.split())
                if len(phrase.thing) > 2 and words not in alike:
                    alike[words] = name
                    found[name] = [any(words <= own for own in one) for one in known]
    return found


def separating(
    captions: Sequence[str], shares: Sequence[float], settled: Sequence[str] = ()
) -> tuple[str, float]:
    """(the phrase whose presence splits the hits best, its gain in bits); ("", 0) where none does.

    Among equals the one that comes up first. What the ``settled`` texts name is not asked about.
    """
    over = set().union(*map(stems, settled))
    worth: Mapping[str, float] = {
        name: gain(shares, shown) for name, shown in things(captions).items() if not _said(name, over)
    }
    best = max(worth, key=lambda name: worth[name], default="")
    return (best, worth[best]) if best and worth[best] > 0 else ("", 0.0)


def with_article(name: str, captions: Sequence[str]) -> str:
    """The phrase as the first caption that has it says it: "a red car", "the beach", "two dogs"."""
    for text in captions:
        for phrase in phrases(text):
            if name in (phrase.text, phrase.thing):
                article = _article(phrase, text)
                if article in ("a", "an"):
                    article = "an" if name[0] in "aeiou" else "a"
                return f"{article} {name}".strip()
    return name


def _article(phrase: Phrase, text: str) -> str:
    """The article before a phrase, "" where there is none."""
    found = _ARTICLE.search(text[: phrase.places[0][0]])
    return found[1].lower() if found else ""


def _said(name: str, over: set[str]) -> bool:
    """Whether an attribute of a phrase is settled, or its thing, where it has none."""
    *attributes, thing = (stem(word) for word in name.split())
    return bool(over & set(attributes)) or (not attributes and thing in over)
