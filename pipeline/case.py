"""One query on its way through the stages, and what a recipe makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.config import ReasonStage, Recipe
from pipeline.ground import Plan
from pipeline.reason import Question
from pipeline.records import Description, Exchange, Grain, Intent, Query, Ranking, Trace
from pipeline.search import Scope


@dataclass(frozen=True)
class Known:
    """What is known of a reference without its picture: a (d,) unit vector, and captions."""

    vector: Any
    captions: tuple[str, ...] = ()


@dataclass
class Case:
    """What the stages have found about a query so far; frozen into a Trace at the end."""

    query: Query
    scope: Scope | None = None
    known: Known | None = None
    description: Description = Description()
    intent: Intent | None = None
    grains: list[Grain] = field(default_factory=list)
    ranking: Ranking = Ranking(())
    subset: Ranking = Ranking(())
    exchanges: tuple[Exchange, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def composed(self) -> bool:
        """Whether the query has both a reference and a modification."""
        return self.referring and bool(self.query.modification)

    @property
    def referring(self) -> bool:
        """Whether the query has a reference, as a picture or by what is known of it."""
        return self.query.reference is not None or self.known is not None

    def plan(self, recipe: Recipe) -> Plan:
        """The weights of the grains that this query can have."""
        weights = self._worded(recipe.grains)
        if self.referring and not self.query.modification and not weights.get("reference"):
            weights["reference"] = 1.0
        return Plan(weights, recipe.mixes, self._worded(recipe.caption_grains))

    def _worded(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Without a reference the sentence is its own target caption, and one grain says it."""
        twice = not self.referring and "target_caption" in weights
        return {
            name: weight
            for name, weight in weights.items()
            if not (twice and name == "modification")
        }

    def looks(self, recipe: Recipe) -> bool:
        """Whether the reference's pixels are a grain, or part of one."""
        plan = self.plan(recipe)
        return any(
            weight and "reference" in recipe.mixes.get(name, (name,))
            for name, weight in (*plan.weights.items(), *plan.caption_weights.items())
        )

    def questions(self, stage: ReasonStage, shown: bool) -> list[Question]:
        """What the reasoner is asked: about the picture, its caption, or each of its captions."""
        sentence = self.query.modification
        if shown and self.query.reference:
            return [Question("", sentence, (self.query.reference,))]
        captions = self.description.captions or ("",)
        asked = captions if stage.over == "captions" else captions[:1]
        return [Question(caption, sentence) for caption in asked]

    def trace(self, recipe: str, profile: str) -> Trace:
        """All that was found."""
        return Trace(
            query=self.query, recipe=recipe, profile=profile, description=self.description,
            intent=self.intent or Intent(""), grains=tuple(self.grains), ranking=self.ranking,
            subset=self.subset, exchanges=self.exchanges, seconds=self.seconds,
            warnings=tuple(self.warnings), error=self.error,
        )  # fmt: skip
