"""Languages of encoders: sentences that a tower of texts does not read, told by their letters.

Only scripts are told apart. French given to an English tower passes unnoticed, as it does anywhere
else; a reasoner puts it into the tower's language all the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..prompting import LANGUAGE

WRITTEN = "captioner "  # how the source of captions begins that a captioner wrote
_ASKED = re.compile(rf"{WRITTEN}.* each(?:, in (.+))?")  # sources are joined by "; "

# What the names of a script's letters begin with in Unicode; of languages that are not here: Latin.
_SCRIPTS = {
    ("arabic", "persian", "urdu"): ("ARABIC",),
    ("bulgarian", "russian", "serbian", "ukrainian"): ("CYRILLIC",),
    ("chinese", "mandarin", "cantonese"): ("CJK",),
    ("japanese",): ("CJK", "HIRAGANA", "KATAKANA"),
    ("korean",): ("HANGUL",),
    ("hindi", "marathi", "nepali"): ("DEVANAGARI",),
    ("bengali",): ("BENGALI",),
    ("greek",): ("GREEK",),
    ("hebrew",): ("HEBREW",),
    ("tamil",): ("TAMIL",),
    ("thai",): ("THAI",),
}
_LATIN = ("LATIN",)
_OF_LANGUAGE = {name: scripts for names, scripts in _SCRIPTS.items() for name in names}


@dataclass(frozen=True)
class Reads:
    """What a tower of texts reads: its ``language``, and, where it is ``multilingual``, any other."""

    language: str = LANGUAGE
    multilingual: bool = False

    def foreign(self, text: str) -> bool:
        """Whether most letters of ``text`` are of no script of the language."""
        if self.multilingual:
            return False
        own = _OF_LANGUAGE.get(self.language.lower(), _LATIN)
        scripts = Counter(script for letter in text if (script := _script(letter)))
        return 2 * sum(scripts[name] for name in own) < scripts.total()

    @property
    def said(self) -> str:
        """How the source of captions ends that were asked for in this language; for English, by nothing."""
        return "" if self.language == LANGUAGE else f", in {self.language}"

    def check_captions(self, source: str, folder: Path) -> None:
        """Raises InputError where a captioner was asked for captions in a language that is not read."""
        asked = (_ASKED.fullmatch(part) for part in source.split("; "))
        others = [found for found in asked if found and (found[1] or LANGUAGE) != self.language]
        if others and not self.multilingual:
            raise InputError(
                f"the captions in {folder} are not in {self.language}, which the encoder reads",
                f"write them again: likebut index caption {folder} --anew",
            )

    def warning(self, profile: str) -> str:
        """What is to be said of such a sentence where no language model puts it into the language."""
        return (
            f"the encoder of profile {profile} reads {self.language}; the sentence means nothing to it: "
            "choose a recipe with a reasoner, or a profile whose encoder is multilingual"
        )


def _script(letter: str) -> str:
    """The first word of a letter's name, which is its script; empty for what is no letter."""
    return unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""
