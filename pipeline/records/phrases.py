"""Noun phrases of captions by a small rule, where no tagger is at hand.

English puts the thing last: "three large white cats". A caption is cut at words that name nothing
(articles, prepositions, verbs that captions are full of) and at signs; of each run that is left the last
word is its thing, the words before it are attributes. A verb that is in no list is taken for a thing, so
what is made of things is to be ranked by something that sees.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|\d+|[^\w\s]")


def _words(lines: str) -> frozenset[str]:
    return frozenset(lines.split())


_CUTS = _words("""
    a an the this that these those its his her their my your our another each every some any no
    and or but nor than then as so if while when where which who whose what with without of off in
    into on onto at by for from to up down over under above below beneath beside besides between
    among around across along against behind before after near through toward towards within inside
    outside via per like is are was were be been being has have had do does did can will would may
    not it he she they there here i you we him them left right front back top bottom middle side
    next close very more most less just only also too both all together several many few other same
    instead sits sit stands stand lies lie holds hold wears wear runs run walks walk plays play
    shows show looks look rides ride eats eat flies fly hangs hang sleeps sleep leans lean carries
    carry seen made out away forth apart aside
""")
_NUMBERS = _words("one two three four five six seven eight nine ten eleven twelve dozen")
# About the picture and not what is in it.
_META = _words("image images picture pictures photo photos photograph photographs view")
# Words in -ing and -ed that are things; the others say what a thing does, or what was done to it.
_THINGS = _words("""
    building ceiling clothing drawing evening living morning painting railing wedding wing ring king
    string swing spring thing awning earring lightning sibling pudding hundred breed steed moped bobsled
    seabed flatbed waterbed flowerbed newlywed toolshed woodshed
""")
# Attributes that another thing might as well have; what else is there a reply may name.
ATTRIBUTES = _words("""
    red orange yellow green blue purple pink black white grey gray brown beige golden gold silver
    colourful colorful dark light bright pale big large small little tiny huge tall short long wide
    narrow thick thin round square old new young striped dotted plain wooden metal plastic glass
    leather woollen stone brick furry shiny open closed empty full wet dry
""")
SWAPS = 6  # captions at most


class Phrase(NamedTuple):
    """A run of words, from the first attribute to the thing, and where they stand in the caption."""

    words: tuple[str, ...]
    places: tuple[tuple[int, int], ...]

    @property
    def thing(self) -> str:
        """The last word."""
        return self.words[-1]

    @property
    def text(self) -> str:
        """All words."""
        return " ".join(self.words)


def phrases(caption: str) -> list[Phrase]:
    """The runs of a caption in order, in lower case."""
    found: list[Phrase] = []
    run: list[re.Match[str]] = []
    for word in [*_WORD.finditer(caption), None]:
        if word is not None and not _cuts(word.group().casefold()):
            run.append(word)
            continue
        while run and _names_nothing(run[-1].group().casefold()):
            run.pop()
        if run:
            found.append(_phrase(run))
        run = []
    return found


def named(caption: str, whole: bool = False) -> list[str]:
    """The things of a caption, each once, in order; ``whole``: with their attributes."""
    found = (one.text if whole else one.thing for one in phrases(caption) if len(one.thing) > 2)
    return list(dict.fromkeys(found))


def stem(text: str) -> str:
    """The thing of a phrase less its ending, so that a regular plural is the same as its singular."""
    thing = text.rpartition(" ")[2]
    if thing.endswith("ies"):
        return f"{thing[:-3]}y"
    plural = len(thing) > 3 and thing.endswith("s") and not thing.endswith(("ss", "us", "is"))
    return thing[: -1 if plural else None].removesuffix("e")


def stems(text: str) -> set[str]:
    """The words of a text that name something, without their endings."""
    return {stem(word) for phrase in phrases(text) for word in phrase.words}


def swapped(caption: str, pairs: Sequence[str] = ()) -> tuple[str, ...]:
    """The caption with the attributes of two things exchanged, once for every two of them.

    ``pairs`` are phrases of it that bind an attribute to a thing ("green lemon"). Where they name
    fewer than two, the caption's own are taken, with attributes such as colours, sizes and
    materials. None where fewer than two things have one.
    """
    found = _named(caption, pairs)
    if len(found) < 2:
        found = [place for one in phrases(caption) if (place := _bound(one))]
    texts = (_exchanged(caption, *sorted(two)) for two in combinations(found, 2))
    return tuple(dict.fromkeys(text for text in texts if text))[:SWAPS]


def _phrase(words: Sequence[re.Match[str]]) -> Phrase:
    return Phrase(tuple(w.group().casefold() for w in words), tuple(w.span() for w in words))


def _cuts(word: str) -> bool:
    doing = word.endswith("ing") and len(word) > 4 and word not in _THINGS
    return word in _CUTS or word in _META or doing or not (word.isdigit() or word[0].isalpha())


def _names_nothing(word: str) -> bool:
    """Whether a word at the end of a run is no thing: "one", or what was done ("a man dressed in …")."""
    done = word.endswith("ed") and len(word) > 4 and word not in _THINGS
    return done or _is_number(word)


def _is_number(word: str) -> bool:
    return word.isdigit() or word.casefold() in _NUMBERS


def _named(caption: str, pairs: Sequence[str]) -> list[tuple[int, int]]:
    """Where the attributes of the phrases stand, of those that the caption has in these words."""
    found = []
    for pair in dict.fromkeys(pairs):
        at = re.search(rf"\b{re.escape(pair.strip())}\b", caption, re.IGNORECASE) if pair.strip() else None
        words = list(_WORD.finditer(caption, *at.span())) if at else []
        while words and (_is_number(words[0].group()) or words[0].group().casefold() in _CUTS):
            words.pop(0)
        if len(words) > 1:
            found.append((words[0].start(), words[-2].end()))
    return found


def _bound(phrase: Phrase) -> tuple[int, int] | None:
    """Where the attributes of a thing stand, from the first to the last that might bind elsewhere."""
    places = [p for word, p in zip(phrase.words[:-1], phrase.places, strict=False) if word in ATTRIBUTES]
    return (places[0][0], places[-1][1]) if places else None


def _exchanged(caption: str, first: tuple[int, int], second: tuple[int, int]) -> str:
    """The caption with two of its parts exchanged; empty where they are alike, or one."""
    one, other = caption[slice(*first)], caption[slice(*second)]
    if first[1] > second[0] or one.casefold() == other.casefold():
        return ""
    head, middle = caption[: first[0]], caption[first[1] : second[0]]
    return _before(head, other) + other + _before(middle, one) + one + caption[second[1] :]


def _before(text: str, word: str) -> str:
    """The text with the article at its end, if there is one, as ``word`` wants it."""
    ending = "n" if word[0].casefold() in "aeiou" else ""
    return re.sub(r"\b([Aa])n?(\s+)$", rf"\g<1>{ending}\g<2>", text)
