"""The ground stage: every piece of a query becomes a grain, a named unit vector with a weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..asking.encoder import CachedEncoder
from ..config.recipe import Recipe
from ..records.roles import PIXELS, grain_name, main_text, role_of, texts_of
from ..records.trace import Grain, Query, Trace
from ..scoring.contract import CAPTION_SIDE, REGION_SIDE
from .contract import Need
from .feedback import Marked
from .languages import Reads
from .negative import negative_grains, too_long
from .trust import trusted

if TYPE_CHECKING:
    from numpy.typing import NDArray

Encoded = Mapping[str, tuple[Any, int]]
Weights = Mapping[str, float]


class Seen(NamedTuple):
    """A reference in unit vectors: the ``whole`` (d,), and its ``parts`` (R, d) where asked for.

    ``composed`` (d,) is reference and sentence together, of an encoder that can.
    """

    whole: NDArray[Any] | None = None
    parts: NDArray[Any] | None = None
    composed: NDArray[Any] | None = None


@dataclass(frozen=True)
class Ground:
    """The grains of a recipe, and one of each of the texts that are ``unwanted``.

    ``seen`` gives the (d,) unit vectors of references, ``parts_seen`` the (R, d) of their parts; None
    where there is none. ``marked`` gives what a person liked or not.
    """

    recipe: Recipe
    encoder: CachedEncoder
    seen: Callable[[Sequence[Trace]], list[NDArray[Any] | None]]
    parts_seen: Callable[[Sequence[Trace]], list[NDArray[Any] | None]]
    unwanted: tuple[str, ...] = ()
    marked: Callable[[Query], Marked] = lambda query: Marked()
    reads: Reads = Reads()
    composed: Callable[[Sequence[Trace]], list[NDArray[Any] | None]] = lambda traces: [None] * len(traces)
    name = "ground"

    def __call__(self, traces: Sequence[Trace]) -> list[Trace]:
        """Traces with grains; one that has none with a weight has an error."""
        places = [n for n, trace in enumerate(traces) if not trace.grains]
        if not places:
            return list(traces)
        seen = self._look([traces[n] for n in places])
        without, cut = negative_grains(self.unwanted, self.recipe, self.encoder)
        grounded = ground([self._readable(traces[n]) for n in places], self.recipe, self.encoder, seen)
        found = list(traces)
        for n, (grains, warnings) in zip(places, grounded, strict=True):
            liked, lost = self.marked(traces[n].query)
            grains = [*grains, *liked]
            trace = replace(traces[n], grains=(*grains, *without)).warned(*warnings, *cut, *lost)
            if not grains:
                trace = trace.failed(f"the query has no grain with a weight (recipe {self.recipe.name})")
            elif broken := not_finite(trace.grains):
                trace = trace.failed(f"the encoder gave no finite vector for {broken}")
            found[n] = trace
        return found

    def _readable(self, trace: Trace) -> Trace:
        """The trace as texts are taken from: a sentence that the encoder does not read is told by what
        was understood of it."""
        query, told = trace.query, trace.intent.target_caption
        if not (self.recipe.reason and told and self.reads.foreign(query.modification)):
            return trace
        return replace(trace, query=replace(query, modification=told))

    def _look(self, traces: Sequence[Trace]) -> list[Seen]:
        """What is asked for of every reference."""
        seen = [Seen() for _ in traces]
        looked = [n for n, trace in enumerate(traces) if looks(trace, self.recipe)]
        for n, vector in zip(looked, self.seen([traces[n] for n in looked]), strict=True):
            seen[n] = Seen(vector)
        if "composed" in self.recipe.roles:
            seen = [one._replace(composed=c) for one, c in zip(seen, self.composed(traces), strict=True)]
        if self.recipe.region_weights.get("reference"):
            for n, vectors in zip(looked, self.parts_seen([traces[n] for n in looked]), strict=True):
                seen[n] = seen[n]._replace(parts=vectors)
        return seen

    def needs(self) -> Sequence[Need]:
        """None: an encoder costs no calls."""
        return ()


def picture_weights(trace: Trace, recipe: Recipe) -> Weights:
    """The weights of the grains that this query can have and that score pictures."""
    weights = _worded(recipe.grains, trace)
    query = trace.query
    if query.referring and not query.modification and not weights.get("reference"):
        weights["reference"] = 1.0
    return weights


def _worded(weights: Weights, trace: Trace) -> dict[str, float]:
    """Without a reference the sentence is its own target caption, and one grain says it."""
    twice = not trace.query.referring and not trace.query.history and "target_caption" in weights
    return {n: weight for n, weight in weights.items() if not (twice and n == "modification")}


def _sides(trace: Trace, recipe: Recipe) -> dict[str, Weights]:
    """The weights of grains by what they score: pictures (""), captions, or parts of pictures."""
    return {
        "": picture_weights(trace, recipe),
        CAPTION_SIDE: _worded(recipe.caption_grains, trace),
        REGION_SIDE: _worded(recipe.region_grains, trace),
    }


def _roles(trace: Trace, recipe: Recipe) -> list[str]:
    """All roles that have a weight in this query, in mixes, too."""
    roles: dict[str, None] = {}
    for weights in _sides(trace, recipe).values():
        for name, weight in weights.items():
            if weight:
                roles.update(dict.fromkeys(recipe.mixes.get(name, (name,))))
    return list(roles)


def looks(trace: Trace, recipe: Recipe) -> bool:
    """Whether the reference's pixels are a grain, or part of one; a row costs nothing to look at."""
    return trace.query.row is not None or "reference" in _roles(trace, recipe)


def grains_of(role: str, weight: float, trace: Trace, encoded: Encoded, seen: Seen) -> list[Grain]:
    """The grains of one role; several texts share the weight."""
    if role in PIXELS and trace.query.referring:
        vector, text = (
            (seen.whole, "") if role == "reference" else (seen.composed, trace.query.modification)
        )
        return [] if vector is None else [Grain(role, role, weight, vector, text)]
    texts = texts_of(role, trace)
    if not role_of(role).names and len(texts) > 1:
        parts = [Grain(text, role, 1.0, encoded[text][0]) for text in texts]
        return [replace(g, text=main_text(role, trace)) for g in mixed(role, weight, parts)]
    counted = Counter(texts).items() if role_of(role).names == "text" else [(text, 1) for text in texts]
    return [
        Grain(grain_name(role, n, text), role, weight * count / len(texts), encoded[text][0], text)
        for n, (text, count) in enumerate(counted)
    ]


def mixed(name: str, weight: float, parts: Sequence[Grain]) -> list[Grain]:
    """One grain: the weighted sum of the parts, brought to length 1; none without parts."""
    import numpy as np

    if not parts:
        return []
    total = np.sum([part.weight * part.vector for part in parts], axis=0)
    length = float(np.linalg.norm(total))
    if not length:
        return []
    text = " + ".join(dict.fromkeys(part.name for part in parts))
    return [Grain(name, name, weight, (total / length).astype(np.float32), text)]


def not_finite(grains: Sequence[Grain]) -> str:
    """The name of the first grain whose vector holds NaN or infinity; empty where all is well."""
    import numpy as np

    return next((grain.name for grain in grains if not np.isfinite(grain.vector).all()), "")


def ground(
    traces: Sequence[Trace], recipe: Recipe, encoder: CachedEncoder, seen: Sequence[Seen]
) -> list[tuple[list[Grain], list[str]]]:
    """(grains, warnings) per trace, in order, with what is ``seen`` of each reference.

    All texts of the batch are encoded together, each once. A text that is longer than the
    encoder's context is used as far as it goes, and a warning says so.
    """
    unique = list(
        dict.fromkeys(
            text for trace in traces for role in _roles(trace, recipe) for text in texts_of(role, trace)
        )
    )
    encoded = dict(zip(unique, encoder.texts_with_counts(unique), strict=True)) if unique else {}
    weighed = [trusted(trace, recipe, encoded) for trace in traces]
    return [
        (_grains(trace, own, encoded, one), _warnings(trace, recipe, encoded, encoder))
        for own, trace, one in zip(weighed, traces, seen, strict=True)
    ]


def _grains(trace: Trace, recipe: Recipe, encoded: Encoded, seen: Seen) -> list[Grain]:
    """The grains of all sides; what they score is the beginning of their names and roles."""
    found: list[Grain] = []
    for side, weights in _sides(trace, recipe).items():
        if side == REGION_SIDE and seen.parts is not None and weights.get("reference"):
            found += _parts_of_reference(weights["reference"], seen.parts)
            weights = {name: weight for name, weight in weights.items() if name != "reference"}
        found += [
            replace(grain, name=f"{side}{grain.name}", role=f"{side}{grain.role}")
            for grain in _of_side(weights, trace, recipe.mixes, encoded, seen)
        ]
    return found


def _parts_of_reference(weight: float, parts: NDArray[Any]) -> list[Grain]:
    """A grain a part of the reference; they share the weight."""
    role = f"{REGION_SIDE}reference"
    return [Grain(f"{role}:{n}", role, weight / len(parts), vector) for n, vector in enumerate(parts, 1)]


def _of_side(
    weights: Weights, trace: Trace, mixes: Mapping[str, Weights], encoded: Encoded, seen: Seen
) -> list[Grain]:
    grains: list[Grain] = []
    for name, weight in weights.items():
        if not weight:
            continue
        if name not in mixes:
            grains += grains_of(name, weight, trace, encoded, seen)
            continue
        parts = [
            grain
            for role, share in mixes[name].items()
            if share
            for grain in grains_of(role, share, trace, encoded, seen)
        ]
        grains += mixed(name, weight, parts)
    return grains


def _warnings(trace: Trace, recipe: Recipe, encoded: Encoded, encoder: CachedEncoder) -> list[str]:
    found = []
    for role in _roles(trace, recipe):
        for text in dict.fromkeys(texts_of(role, trace)):
            tokens = encoded[text][1]
            if tokens > encoder.context_length:
                found.append(too_long(role, tokens, encoder.context_length))
    return found
