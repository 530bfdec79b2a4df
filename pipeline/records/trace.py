"""The frozen values that flow through the stages.

A Trace goes in and comes out: each stage fills its part (Description, Intent, Grains, Ranking)
where that is NOT_… yet. A saved, edited or earlier trace enters the same way.
Vectors are float32 numpy arrays of shape (d,) and unit length unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .chat import Exchange

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Said:
    """An earlier turn of a dialogue: its sentence, and what was understood of it, where it was.

    ``elements`` are its lists by name, as an `Intent` has them.
    """

    modification: str
    target_caption: str = ""
    elements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Query:
    """What a person asks: a reference image, a modification, or both.

    ``row`` is a reference that is only known as a row of the gallery, by its vector there.
    ``wordings`` say the modification otherwise: models are asked about the modification, and where a
    score looks at its words it takes the mean vector of all.
    ``named`` is what the person called a reference that is no file of theirs ("-", an address).
    ``history`` are the turns of a dialogue before this one, oldest first; ``liked`` and ``disliked`` are
    ids of items that were found and that the wanted picture is like, or is not.
    """

    id: str
    reference: Path | None = None
    modification: str = ""
    named: str = ""
    row: int | None = None
    wordings: tuple[str, ...] = ()
    history: tuple[Said, ...] = ()
    liked: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()

    @property
    def referring(self) -> bool:
        """Whether there is a reference."""
        return self.reference is not None or self.row is not None

    @property
    def composed(self) -> bool:
        """Whether a modification has something to change: a reference, or what was wanted before."""
        return bool(self.modification) and (self.referring or bool(self.history))


@dataclass(frozen=True)
class Description:
    """What the captioner says about the reference; the first caption is the main one.

    ``problem`` says why there is no usable answer; it is empty for a captioner that said nothing.
    """

    captions: tuple[str, ...] = ()
    problem: str = ""

    @property
    def caption(self) -> str:
        """The main caption, or an empty string."""
        return self.captions[0] if self.captions else ""


@dataclass(frozen=True)
class Intent:
    """What the reason stage understood.

    ``elements`` are the other lists of the reply by name, without empty ones: "desired", "preserved",
    "forbidden", and whatever a prompt's schema has besides; recipes give them weights by these names.
    ``rewrites`` are the target captions of several captions, in their order, where a recipe asks
    about each. ``samples`` are the target captions of several samples, sorted, where their mean is
    searched. ``fallback`` is empty for a usable reply; otherwise it says why the target caption
    is only "caption + modification".
    """

    target_caption: str
    reasoning: str = ""
    elements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rewrites: tuple[str, ...] = ()
    fallback: str = ""
    samples: tuple[str, ...] = ()

    def of(self, name: str) -> tuple[str, ...]:
        """The elements of one list, in order; none where there is no such list."""
        return self.elements.get(name, ())


@dataclass(frozen=True)
class Grain:
    """One named unit vector and its signed weight.

    ``role`` is what recipes give weights to ("target_caption", "forbidden", …); ``name`` is unique
    within a query ("forbidden:red apple"); ``text`` is empty for a grain that comes from pixels.
    ``vector`` (d,) is None in a trace that was read back from JSON.
    """

    name: str
    role: str
    weight: float
    vector: Any
    text: str = ""


@dataclass(frozen=True)
class Hit:
    """One ranked item: its place (from 1), score, and the share of every grain in the score.

    ``alike`` are the paths of worse hits that are folded under it, see `folding`. ``judged`` is a
    judge's confidence in it, where it was asked, and ``before`` its rank until then. ``boxes`` are the
    parts of the picture that grains of regions met best, by their names: left, top, right and bottom in
    shares of it.
    """

    rank: int
    row: int
    id: str
    path: str
    score: float
    shares: Mapping[str, float] = field(default_factory=dict)
    alike: tuple[str, ...] = ()
    judged: float | None = None
    before: int = 0
    boxes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ranking:
    """The hits of one query, best first."""

    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Judgement:
    """Which judge looked at the hits, at how many, and about how many of them it had no answer."""

    judge: str = ""
    asked: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Refinement:
    """What a checker suggested about the first answer, nothing where it was found good.

    ``before`` and ``after`` are the judges' best confidences in the first answer and in the second, None
    where nobody judged. The answer that ``stands`` in the trace is the second, or still the first;
    ``other`` is the target caption of the one that does not.
    """

    suggestion: str = ""
    before: float | None = None
    after: float | None = None
    stands: bool = False
    other: str = ""

    @property
    def words(self) -> str:
        """What came of it: which answer is shown, and how sure judges were of both."""
        if not self.suggestion:
            return "nothing: the answer was found good"
        shown = "this is the second answer" if self.stands else "the first answer stays"
        if self.before is None or self.after is None:
            return shown
        return f"{shown}: confidence {self.before:.2f} in the first, {self.after:.2f} in the second"


@dataclass(frozen=True)
class LightSide:
    """That texts were encoded by a small ``tower`` and mapped, and how well that does for the exact ones.

    ``agreement``: how much of their ten nearest is the same, 0 to 1.
    """

    tower: str
    agreement: float

    @property
    def words(self) -> str:
        """Both, for a person."""
        return f"by {self.tower}, mapped: {self.agreement:.0%} of the ten nearest are right"


@dataclass(frozen=True)
class Scope:
    """What one query is ranked over: the gallery without ``exclude``, and ``subset`` by itself."""

    exclude: Collection[int] | NDArray[Any] = ()
    subset: Sequence[int] = ()


# What a stage has not filled yet. They are told by identity: a captioner may say nothing, too.
NOT_DESCRIBED, NOT_REASONED, NOT_RANKED = Description(), Intent(""), Ranking(())


@dataclass(frozen=True)
class Trace:
    """Everything about one query, as it happened; what is not given is for the stages to fill.

    ``subset`` ranks the few items that a benchmark asks about apart from the gallery. Without a
    ``scope`` the recipe says whether the reference is left out.
    """

    query: Query
    recipe: str = ""
    profile: str = ""
    description: Description = NOT_DESCRIBED
    intent: Intent = NOT_REASONED
    grains: tuple[Grain, ...] = ()
    ranking: Ranking = NOT_RANKED
    subset: Ranking = Ranking(())
    exchanges: tuple[Exchange, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str = ""
    scope: Scope | None = None
    judgements: tuple[Judgement, ...] = ()
    refinement: Refinement | None = None
    light: LightSide | None = None

    def failed(self, error: str) -> Trace:
        """The trace of a query that cannot be answered."""
        return replace(self, error=error)

    def warned(self, *warnings: str) -> Trace:
        """With more warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))
