"""How far the reason stage can be relied on in one query.

After Orchestrator-Agent Trust (Roumeliotis et al., arXiv 2507.10571), where an orchestrator weighs agents
by how well their confidence is calibrated. Here what can be measured without labels is weighed; the
product is ours:

    reliability = (answers wanted / answers asked for, unusable ones included) · (agreement of samples)

The agreement is the mean cosine of every two target captions. A fallback is no answer at all. Grains of
what the reasoner said count so much less against the sentence and the reference. (A judge's confidence
scales what it moves already: see `likebut.pipeline.stages.rerank`.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..config.recipe import Recipe
from ..records.roles import role_of
from ..records.trace import Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 0.1  # a query must have something to search
OTHERS = ("reference", "captions", "modification")  # what roles read that the reasoner did not say


def reliability(trace: Trace, recipe: Recipe, encoded: Mapping[str, tuple[Any, int]]) -> float:
    """From LEAST to 1; 1 where the reasoner was not asked. ``encoded`` has the vectors of all texts."""
    asked = sum(exchange.stage == "reason" for exchange in trace.exchanges)
    if not asked:
        return 1.0
    if trace.intent.fallback:
        return LEAST
    wanted = sum(stage.samples * _times(stage.over, trace) for stage in recipe.reason)
    vectors = [encoded[text][0] for text in trace.intent.samples if text in encoded]
    return max(LEAST, min(1.0, wanted / asked) * agreement(vectors))


def agreement(vectors: Sequence[NDArray[Any]]) -> float:
    """The mean cosine of every two of n unit vectors, not below 0; 1 of a single one.

    |Σ v|² holds every cosine of two twice, and n ones: (|Σ v|² − n) / (n² − n).
    """
    import numpy as np

    n = len(vectors)
    if n < 2:
        return 1.0
    length = float(np.linalg.norm(np.sum(vectors, axis=0, dtype=np.float64)))
    return min(1.0, max(0.0, (length**2 - n) / (n * n - n)))


def trusted(trace: Trace, recipe: Recipe, encoded: Mapping[str, tuple[Any, int]]) -> Recipe:
    """The recipe with the weights of what the reasoner said, in mixes too, times its reliability."""
    share = reliability(trace, recipe, encoded) if recipe.trust else 1.0
    if share == 1.0:
        return recipe

    def scaled(weights: Mapping[str, float]) -> dict[str, float]:
        said = {n for n in weights if n not in recipe.mixes and role_of(n).reads not in OTHERS}
        return {n: weight * share if n in said else weight for n, weight in weights.items()}

    return recipe.model_copy(
        update={
            "grains": scaled(recipe.grains),
            "caption_grains": scaled(recipe.caption_grains),
            "mixes": {mix: scaled(parts) for mix, parts in recipe.mixes.items()},
        }
    )


def _times(over: str, trace: Trace) -> int:
    return max(1, len(trace.description.captions)) if over == "captions" else 1
