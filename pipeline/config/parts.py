"""The parts of a recipe: what each stage of a method is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .finite import Finite
from .strict import Strict


class DescribeStage(Strict):
    """The captioner's prompt and how many captions it writes.

    ``how``: "tags" and "labels" ask no captioner: words of the gallery's captions, or those of the
    ``words_file``, one a line, stand in for captions. The ``nearest`` items say which, and so many
    ``words`` are taken; see `likebut.pipeline.stages.tags`.
    """

    prompt: str = "describe/dense"
    captions: int = Field(1, ge=1, le=15)
    how: Literal["captioner", "tags", "labels"] = "captioner"
    nearest: int = Field(10, ge=1, le=1000)
    words: int = Field(5, ge=1, le=50)
    phrases: bool = False
    words_file: str = ""

    @property
    def asks(self) -> bool:
        """Whether it asks the captioner."""
        return self.how == "captioner"


class ReasonStage(Strict):
    """One question to the reasoner, and how often an unusable reply is asked for again.

    ``sees``: the reference image is shown instead of a caption. ``over``: one question about the
    main caption, or one about each of several captions, whose answers become the rewrites.
    ``samples``: how often each question is answered anew, at ``temperature`` (where nothing is
    said, the profile's, but no less than 0.7); ``choose`` makes one answer of them, see
    `likebut.pipeline.stages.choose`. ``language``: what the answer is written in; empty: what the
    profile's encoder reads.
    """

    prompt: str
    language: str = ""
    retries: int = Field(2, ge=0, le=10)
    sees: bool = False
    over: Literal["caption", "captions"] = "caption"
    samples: int = Field(1, ge=1, le=40)
    choose: Literal["first", "vote", "mean", "best"] = "vote"
    temperature: float | None = Field(None, ge=0, le=2)


class RerankStage(Strict):
    """A second look at the first ``top`` hits by a judge (see `likebut.pipeline.stages.judges`).

    ``fusion``: how its confidence c joins a hit's score S: S + weight · spread · logit(c), S + weight · c,
    S · c, or c in its place. Without a ``prompt`` the judge has one of its own. A judge that reads captions
    is shown the first ``sentences`` of each, 0: all; few words are easier for a small model, and quicker.
    """

    judge: str
    prompt: str = ""
    top: int = Field(20, ge=1, le=1000)
    fusion: Literal["logit", "add", "multiply", "replace"] = "logit"
    weight: float = Field(1.0, ge=0, le=100)
    sentences: int = Field(0, ge=0, le=100)


class RefineStage(Strict):
    """One suggestion to the reasoner about its first answer, and a second go with it (WISER, AutoCIR).

    ``prompt`` asks a checker about the captions of the first ``look`` hits. With ``below`` it is asked
    only where the judges' best confidence is no higher, without about every query. ``reason`` is the
    prompt of the second go.
    """

    prompt: str = "judge/suggest"
    look: int = Field(1, ge=1, le=100)
    below: float | None = Field(None, ge=0, le=1)
    reason: str = "reason/refined"


class DialogueStage(Strict):
    """How a later turn of a dialogue is understood: it changes what the turn before it wanted.

    The ``prompt`` is asked in place of the recipe's questions and is told what was said before; without
    one the recipe's own are asked. The elements of the lists to ``carry`` live on until a turn contradicts
    them, see `likebut.pipeline.stages.carry`.
    """

    prompt: str = ""
    carry: list[str] = ["preserved", "forbidden"]


class Fusion(Strict):
    """How grains become one score: a family of `likebut.pipeline.scoring`, with its numbers.

    ``linear`` folds into one vector; the other families are computed over the whole gallery.
    """

    family: str = "linear"
    calibration: Literal["none", "zscore", "centred"] = "none"
    numbers: dict[str, Finite] = {}


class RegionScore(Strict):
    """How ``region_grains`` are held against parts of pictures: a form of `likebut.pipeline.scoring.late`.

    Only the ``pool`` best of all other grains are looked at so closely; ``alone``: what those grains say
    chooses the pool and does not count in the score. ``kind`` ("crops" or "patches"): the parts must be
    of it.
    """

    kind: Literal["", "crops", "patches"] = ""
    form: str = "max"
    pool: Annotated[int, Field(ge=1, le=10_000)] = 200
    alone: bool = False
    numbers: dict[str, Finite] = {}
