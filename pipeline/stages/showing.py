"""Hits as a judge or a checker is shown them: their pictures, or captions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import prompting
from ..asking.engine import CachedEngine
from ..config.parts import DescribeStage
from ..records.chat import Sampling
from ..records.trace import Hit
from .describe import describe
from .judges.contract import Candidate

if TYPE_CHECKING:
    from ...indexes.contract import Gallery

CAPTION_PROMPT = "describe/dense"
SENTENCE_END = re.compile(r"(?<=[.!?…])\s|(?<=[。！？])")


@dataclass(frozen=True)
class Showing:
    """The captions of the ``gallery``, and of pictures without one what the ``captioner`` says.

    It is asked by the prompt of ``how`` the recipe describes references, where it does, in a ``language``.
    """

    how: DescribeStage | None
    gallery: Gallery
    captioner: CachedEngine
    sampling: Sampling
    language: str = prompting.LANGUAGE

    def pictures(self, hits: Sequence[Hit]) -> dict[int, Candidate]:
        """Row → candidate with its picture; hits without a file lack."""
        return {hit.row: Candidate(hit.row, picture=Path(hit.path)) for hit in hits if hit.path}

    def captions(
        self, hits: Sequence[Hit], sentences: int = 0, *, asks: bool = True
    ) -> dict[int, Candidate]:
        """Row → candidate with its captions, so many ``sentences`` of them, 0: all.

        A picture that cannot be captioned lacks; one without a caption, too, where nobody is to be asked.
        """
        rows = list(dict.fromkeys(hit.row for hit in hits))
        paths = {hit.row: Path(hit.path) for hit in hits if hit.path}
        side = self.gallery.side("captions") or self.gallery
        captions = {item.row: item.caption for item in side.items(rows)}  # type: ignore[attr-defined]
        known = {row: " ".join((captions[row] or "").split()) for row in rows}
        lacking = [row for row in rows if asks and not known[row] and row in paths]
        if lacking:
            known |= self._described({row: paths[row] for row in lacking})
        return {row: Candidate(row, beginning(text, sentences)) for row, text in known.items() if text}

    def _described(self, paths: Mapping[int, Path]) -> dict[int, str]:
        """Row → what the captioner says of its picture."""
        said = describe(list(paths.values()), self._prompt(), self.captioner, self.sampling)
        return {row: description.caption for row, (description, _) in zip(paths, said, strict=True)}

    def _prompt(self) -> prompting.Prompt:
        """The recipe's, unless it takes the sentence: a candidate's caption is of no single query."""
        prompt = prompting.load(self.how.prompt if self.how else CAPTION_PROMPT, self.language)
        taking = "modification" in prompt.variables
        return prompting.load(CAPTION_PROMPT, self.language) if taking else prompt


def beginning(text: str, sentences: int) -> str:
    """The first ``sentences`` of a text; all of it for 0."""
    ends = [end.start() for end in SENTENCE_END.finditer(text)]
    return text[: ends[sentences - 1]] if 0 < sentences <= len(ends) else text
