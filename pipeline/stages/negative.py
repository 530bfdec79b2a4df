"""Words of a person that are searched away: a grain each, whatever the recipe and its models say."""

from __future__ import annotations

from collections.abc import Sequence

from ..asking.encoder import CachedEncoder
from ..config.recipe import Recipe
from ..records.trace import Grain

ROLE = "not"
# Where a recipe does not subtract what is forbidden: what the recipe `likebut` takes.
USUAL_WEIGHT = -0.25


def negative_weight(recipe: Recipe) -> float:
    """The recipe's weight of what is forbidden where it subtracts, else the usual one."""
    weight = recipe.grains.get("forbidden", 0.0)
    return weight if weight < 0 else USUAL_WEIGHT


def negative_grains(
    texts: Sequence[str], recipe: Recipe, encoder: CachedEncoder
) -> tuple[list[Grain], list[str]]:
    """(a grain per different text, warnings); each text has the whole weight."""
    unique = list(dict.fromkeys(texts))
    if not unique:
        return [], []
    weight = negative_weight(recipe)
    grains, warnings = [], []
    for text, (vector, tokens) in zip(unique, encoder.texts_with_counts(unique), strict=True):
        grains.append(Grain(f"{ROLE}:{text}", ROLE, weight, vector, text))
        if tokens > encoder.context_length:
            warnings.append(too_long(ROLE, tokens, encoder.context_length))
    return grains, warnings


def too_long(role: str, tokens: int, limit: int) -> str:
    """What is to be said of a text that the encoder cuts."""
    return f"{role} has {tokens} tokens and the encoder reads {limit}: its end is not used"
