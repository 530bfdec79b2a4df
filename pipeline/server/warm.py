"""A composer that stays open: what asks models goes through the lane, all else runs where it is called."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields
from typing import Any

from ..records.trace import NOT_REASONED, Query, Trace
from ..stages.composer import Composer, Until
from ..stages.describe import wants_captions
from .lane import Lane, OnStage, passed


def nobody(stage: str, done: bool) -> None:
    """Tells nobody that a stage begins or is done."""


@dataclass(frozen=True)
class Warm(Composer):
    """As a `Composer`; ``told`` hears of the stages, ``lists`` are those that replies may
    hold. Of several threads at once."""

    lane: Lane | None = None
    place: str = ""
    lists: tuple[str, ...] = ()
    told: OnStage = nobody

    @classmethod
    def of(cls, composer: Composer, lane: Lane, place: str) -> Warm:
        """The composer of the gallery ``place``, which asks models through ``lane``."""
        parts: dict[str, Any] = {one.name: getattr(composer, one.name) for one in fields(composer)}
        return cls(**parts, lane=lane, place=place, lists=tuple(composer.recipe.elements))

    @property
    def judges(self) -> bool:
        """Whether models look at hits: then a new ranking asks them, too."""
        return bool(self.recipe.rerank or self.recipe.refine)

    def compose(
        self, queries: Sequence[Query | Trace], k: int = 10, until: Until = "rerank"
    ) -> list[Trace]:
        """See `Composer.compose`. Raises Refused where too many wait for the models."""
        assert self.lane is not None
        stages = self.stages(until, k)
        first = len(self.stages("reason"))
        understand, rest = stages[:first], stages[first:]
        traces = self.begun(queries)
        if asks := any(map(self._asks, traces)):
            # What is asked depends on which roles have a weight, and not on how large it is.
            key = (self.place, self.recipe.name, tuple(self.recipe.roles), until == "describe")
            traces = self.lane.ask(key, traces, understand, self.told)
        else:
            traces = passed(traces, understand, self.told)
        if not self.judges or until in ("ground", "search"):
            with self.lane.after if asks else nullcontext():
                return passed(traces, rest, self.told)
        return self.lane.ask((self.place, k, self.recipe.model_dump_json()), traces, rest, self.told)

    def _asks(self, trace: Trace) -> bool:
        """Whether captioner or reasoner may be asked about it."""
        query, recipe = trace.query, self.recipe
        earlier = any(not said.target_caption for said in query.history)
        reasons = bool(recipe.reason) and trace.intent is NOT_REASONED and query.composed
        describes = recipe.describe is not None and wants_captions(trace, recipe, self.reasoner_sees)
        return earlier or reasons or describes
